"""Releases: a dataset directory becomes a versioned directory that is a repository of the Hub.

``make`` is the way through: ``source`` says what there is, ``layout`` where it goes, ``pack`` puts it
there and indexes it, ``compare`` and ``versions`` hold it against the last release, ``card`` and
``croissant`` describe it; ``opened`` reads a release back and ``check`` finds what is wrong with one.
"""
