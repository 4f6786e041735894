"""All that is done for people who have DSGenerator's files and classes.

``config`` reads its configurations, of both generations; ``old_style`` runs its synthesizer classes;
``params``, ``nsjson`` and ``tfrecords`` write its three formats of records.
"""
