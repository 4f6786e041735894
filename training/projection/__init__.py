"""Text and sound in one space: heads over stored vectors, trained to find one by the other.

The way of a run, ``sousa project``: ``pairs`` reads the vectors of an embeddings directory, ``settings`` is
what was asked for, ``model`` has the heads and ``loss`` what they learn by, ``trainer`` deals out batches,
``ranking`` and ``ridge`` find the ranks of the model and of its baseline, which
:mod:`sousa.training.report` measures, and ``running`` does it all in order.
"""
