"""A dataset in a browser: a first page with a table of its rows, and a page for each row, served on loopback.

Conventions: pages are made when they are asked for, and nothing is written. Filters, order and page of the
table stand in the address, so it can be kept and sent: ``/?split=test&tempo_bpm=80,120&sort=-tempo_bpm``;
values are written as ``--where`` has them. ``listing`` finds the rows, ``pages`` writes the first page,
``server`` answers. Row numbers count over all shards, from 0.
"""
