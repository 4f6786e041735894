"""MTG-Jamendo, from its tables and tracks: ``MTGJamendo(data_dir="data/raw/mtg_jamendo", mtg_split=0)``."""

from sousa.builders.captioned import CaptionedBuilder


class MTGJamendo(CaptionedBuilder):
    """Tracks of Jamendo with captions made from tags of genre, instrument, mood and theme."""

    NAME = "mtg_jamendo"
