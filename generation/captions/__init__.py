"""Captioned corpora that others have published: read as they are, under one schema, chosen from, and kept.

The way of a row: a reader of ``readers`` reads it from the published files, with its ``licences``, and
``templates`` put tags into sentences where nobody wrote any; ``choosing`` keeps or rejects it, with the
reason; ``sounds`` finds its sound; ``corpus`` writes it into shards. ``unified_json`` is the other form of
the same rows, and ``downloads`` brings the published files here.
"""
