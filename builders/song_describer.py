"""Song Describer, from its tables and clips: ``SongDescriber(data_dir="data/raw/song_describer")``."""

from sousa.builders.captioned import CaptionedBuilder


class SongDescriber(CaptionedBuilder):
    """Tracks of Jamendo with captions that people wrote, for evaluation."""

    NAME = "song_describer"
