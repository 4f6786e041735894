"""AudioCaps, from its tables and clips: ``AudioCaps(data_dir="data/raw/audiocaps", metadata_only=True)``."""

from sousa.builders.captioned import CaptionedBuilder


class AudioCaps(CaptionedBuilder):
    """Clips of 10 s of sounds of all kinds with captions by people."""

    NAME = "audiocaps"
