"""The Hugging Face Hub: releases put there, read back and loaded.

``publish`` puts a release there and tags it; ``plan`` decides what that takes and refuses what must
not be; ``commits`` sends files and makes the commits; ``dedup`` counts bytes beforehand; ``remote`` reads
releases that are there and turns the Hub's errors into sentences; ``load`` is ``sousa.load``.
"""
