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

# of the package; what rows a corpus makes has a version of its own, see sousa.generation.corpus
PACKAGE_VERSION = "4.0.0"
