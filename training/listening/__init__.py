"""``sousa listen``: what was played in recordings of a snare drum, how well, and where it went wrong.

``hearing.py`` runs a model over a recording; :mod:`sousa.generation.rudiments.listening` fits rudiments to
the strokes and judges them; ``listener.py`` puts both together, ``describing.py`` gives the result as plain
data and as text, ``files.py`` and ``page.py`` write it.
"""
