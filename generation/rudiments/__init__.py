"""The rudiments corpus, in the order of its data flow.

``notation`` reads and prints stickings, ``definitions`` holds the rudiments, ``score`` unrolls
them into whole performances on a grid, ``players`` are the people, ``performance`` is what they
really play, ``scores`` and ``labels`` describe it, ``corpus`` turns coordinates into rows.
"""
