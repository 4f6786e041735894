"""The Hugging Face Hub: releases put there, read back and loaded.

``publish`` puts a release there and tags it; ``plan`` decides what that takes and refuses what must
not be; ``commits`` sends files and shows them in one commit, ``pull_requests`` in several; ``dedup`` counts
bytes beforehand; ``remote`` is the Hub's client, and turns its errors into sentences; ``load`` is
``sousa.load``.
"""
