"""MusicCaps, from its table and clips: ``MusicCaps(data_dir="data/raw/musiccaps", metadata_only=True)``."""

from sousa.builders.captioned import CaptionedBuilder


class MusicCaps(CaptionedBuilder):
    """Clips of 10 s of music with captions and aspects by musicians."""

    NAME = "musiccaps"
