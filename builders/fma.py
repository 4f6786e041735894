"""FMA, from ``fma_metadata`` and ``fma_<size>``: ``FMA(data_dir="data/raw/fma", fma_size="small")``."""

from sousa.builders.captioned import CaptionedBuilder


class FMA(CaptionedBuilder):
    """Music of the Free Music Archive, with captions from genres and tags."""

    NAME = "fma"
