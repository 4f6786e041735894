"""The Hugging Face Hub: releases put there, read back and loaded.

``publish`` puts a release there in one commit and tags it; ``plan`` decides what that takes and
refuses what must not be; ``dedup`` counts bytes beforehand; ``remote`` reads releases that are there
and turns the Hub's errors into sentences; ``load`` is ``sousa.load``.
"""
