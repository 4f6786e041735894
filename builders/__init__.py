"""Packaging: shards as Hugging Face datasets. Imports ``generation``, never the other way."""
