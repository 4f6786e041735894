"""MusicBench, from its JSON lines: ``MusicBench(data_dir="data/raw/musicbench", metadata_only=True)``."""

from sousa.builders.captioned import CaptionedBuilder


class MusicBench(CaptionedBuilder):
    """Clips of MusicCaps and changed copies of them, with captions that a model rewrote."""

    NAME = "musicbench"
