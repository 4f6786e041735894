"""Validation of a generated textures dataset, from its files alone.

``examine`` measures one shard, in any process: its ``labels``, and its ``sound`` beside what
``expectations`` says of it; ``population``, ``splits`` and ``checks`` judge the measurements of all shards;
``report`` writes them down as text, JSON and a page with plots.
"""
