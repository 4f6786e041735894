"""Clotho, from its tables and sounds: ``Clotho(data_dir="data/raw/clotho")``."""

from sousa.builders.captioned import CaptionedBuilder


class Clotho(CaptionedBuilder):
    """Clips of sounds of all kinds, 15 to 30 s, with five captions each."""

    NAME = "clotho"
