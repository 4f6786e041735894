"""Sounds found by a sentence: ``sousa search``.

``searching`` ranks the sounds of an embeddings directory by a model of ``sousa project``, ``sounds`` fetches
what is found, ``page`` makes a page to listen to it, and ``command`` has the arguments.
"""
