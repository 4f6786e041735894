"""What generic code knows of a configuration of any corpus."""

from typing import Any, Protocol


class Config(Protocol):
    """Everything that decides the bytes of a dataset; it can be pickled, compared and hashed.

    Attributes:
        size: name of the size it came from, or ``custom``.
        sample_rate: Hz; None where rows have rates of their own.
        with_audio: whether rows have sound.
        audio_format: ``flac`` or ``wav``; empty where rows have formats of their own.
    """

    size: str
    sample_rate: int | None
    with_audio: bool
    audio_format: str

    @property
    def num_rows(self) -> int: ...

    def identity(self) -> dict[str, Any]:
        """What decides the bytes of the dataset, as plain data, with ``corpus`` and ``data_version``."""
        ...
