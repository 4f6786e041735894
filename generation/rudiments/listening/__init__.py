"""From strokes that were heard to what was played, how well, and where it went wrong; without torch.

``heard.py`` has the strokes, ``fitting.py`` finds form, lead hand and tempo, ``matching`` of the validation
pairs written and heard strokes, ``judging.py`` makes performances of them and scores these.
"""
