"""A page to look at rows of a dataset and to hear them.

``choose`` decides which rows; ``page`` writes them, with their sound, into one HTML file. The page's
own parts lie beside them: ``page.html``, ``page.css`` and ``js/``, put together in order of name.
"""
