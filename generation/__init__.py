"""SOUSA's generators: they make rows. No torch, no datasets, and no network but in ``audio/download.py``.

Conventions used everywhere in this package
-------------------------------------------
* Time is an integer sample index at the corpus rate (44 100 Hz unless asked otherwise); names end
  in ``_sample``. Milliseconds, seconds and MIDI ticks are derived from it, never the other way.
* Tempo is in quarter notes a minute (``tempo_bpm``), whatever the metre. Positions in music are in
  quarter-note beats.
* Velocity is MIDI velocity, 1-127.
* Every random number comes from :mod:`sousa.generation.seeds`, addressed by the coordinates of the row
  that uses it, so a row never depends on which other rows are made, or by whom.
"""

# Which audio and labels the generators make. Major: existing rows change. Minor: rows or columns
# are added. Patch: only documents change.
DATA_VERSION = "2.0.0"

# How shards and manifests are laid out on disk, independent of what is in them.
FORMAT_VERSION = 1
