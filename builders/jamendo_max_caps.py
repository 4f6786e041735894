"""JamendoMaxCaps, from its JSON and Parquet: ``JamendoMaxCaps(data_dir="data/raw/jamendo_max_caps")``."""

from sousa.builders.captioned import CaptionedBuilder


class JamendoMaxCaps(CaptionedBuilder):
    """Instrumental tracks of Jamendo with captions that a model wrote of parts of 30 s."""

    NAME = "jamendo_max_caps"
