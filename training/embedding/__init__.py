"""Rows through frozen encoders, once: what ``sousa embed`` does, and models of retrieval are trained on.

The way of a row: ``inputs`` finds rows and their sounds, ``choosing`` takes some of them and gives each a
split, ``windows`` cuts a sound, ``towers`` put windows and texts into vectors, and ``layout`` keeps these in
shards. ``command`` has the arguments, ``embedding`` does the work, and ``hdf5`` is another form of the same
vectors.
"""
