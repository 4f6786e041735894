"""Validation of a generated dataset, from its files alone.

``examine`` measures one shard (labels, MIDI, audio), in any process; ``checks`` judges the
measurements of all of them; ``report`` writes them down as text, JSON and a page with plots.
"""
