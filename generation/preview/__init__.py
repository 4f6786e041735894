"""A page to look at rows of a dataset and to hear them: what any corpus's page has in common.

``page`` writes rows with their sound into one HTML file. Its parts lie beside it: ``page.html``,
``page.css`` and ``js/``; a corpus adds scripts of its own, and all are put together in order of name.
A corpus's scripts say what a row is (``0_rows.js``) and draw its labels (``4_labels.js``).
"""
