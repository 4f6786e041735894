"""The preview page of textures: ``choose`` decides which rows, ``page`` and ``js/`` how they are shown.

What it has in common with pages of other corpora is in :mod:`sousa.generation.preview`.
"""
