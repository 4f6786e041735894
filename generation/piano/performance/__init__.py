"""Simulated pianists: a score becomes a performance.

The model, in the order of the code
-----------------------------------
* ``players``: who plays: a tier and the drawn traits of one player.
* ``pulse``: when each beat comes. The tempo curve belongs to the piece (phrases, style, final ritardando) and
  is shared by all who play it; each player adds a smaller curve, and lower tiers stop and begin again.
* ``dynamics``: how loud each note is: written dynamics, leading line, pitch, phrase, and noise.
* ``onsets``: when each key goes down: the beat, the offset of the hand, of the finger, and melody lead.
* ``ornaments``: graces, trills, mordents, turns and broken chords become strikes.
* ``pedal``: the curve of the sustain pedal, changed around the attacks of the bass.
* ``touch``: when each key goes up.
* ``mistakes``: missed, wrong, extra and repeated notes.
* ``perform``: the flow, and the notes on samples.

Figures of professionals are measured on aligned performances by concert pianists: (n)ASAP,
Batik-plays-Mozart and Vienna 4x22. Style, not skill, sets expression; that of popular pieces is reasoned.
The lower tiers are modelled, not measured: there were no performances of amateurs to measure.

Times are drawn in seconds, rounded to microseconds, and put on samples once, so that the same performance
at two rates agrees to half a sample.
"""

from sousa.generation.piano.performance.perform import deadpan, perform
from sousa.generation.piano.performance.players import Player, player
from sousa.generation.piano.performance.pulse import counted_beats

__all__ = ["Player", "counted_beats", "deadpan", "perform", "player"]
