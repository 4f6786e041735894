"""From notes to what is written on two staves: key, spelling, hands and voices.

Conventions: time is in quarter notes, or in any other unit that goes on steadily; pitches are MIDI note
numbers. A *spelling* is a place on the line of fifths (C is 0, G 1, F -1, F sharp 6), and a key is the pair
of its signature, the number of sharps or minus that of flats, and its mode, ``major`` or ``minor``.
"""
