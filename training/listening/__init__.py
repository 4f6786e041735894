"""``sousa listen``: recordings of a snare drum, what was played in them, how well, and where it went wrong.

``hearing.py`` runs a model over a recording; :mod:`sousa.generation.rudiments.listening` fits rudiments to the
strokes and judges them; ``listener.py`` puts both together, ``describing.py`` says what came out as plain data
and as text, ``files.py`` and ``page.py`` write it.
"""
