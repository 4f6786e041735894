"""An ``Audio`` feature that decodes with soundfile, for machines without torchcodec or FFmpeg."""

import copy
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import soundfile

from sousa.builders.hub.remote import check_environment
from sousa.generation.audio import encode
from sousa.generation.errors import SousaError


@cache
def torchcodec_works() -> bool:
    """Whether ``datasets`` can play audio here: torchcodec is installed and finds its FFmpeg."""
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        return False
    return True


@dataclass
class SoundfileAudio(datasets.Audio):
    """``datasets.Audio`` whose rows decode to plain arrays.

    A row's value is ``{"array": float32, "sampling_rate": Hz, "path": name}``. The array has shape
    (samples,) for one channel and (channels, samples) for more, full scale being 1.0; the stock
    feature's ``["array"]`` mixes channels down. Saved datasets have the stock feature.
    """

    def decode_example(self, value: Mapping[str, Any], token_per_repo_id: Any = None) -> dict[str, Any]:
        """Decode one stored value, ``{"bytes": encoded file or None, "path": its name}``.

        Raises: ValueError when there is nothing to decode; RuntimeError (soundfile's) when it is damaged.
        """
        data, path = value.get("bytes"), value.get("path")
        if data is None and path is None:
            raise ValueError("an audio value has neither bytes nor a path")
        if data is None:
            import fsspec

            with fsspec.open(path, "rb") as file:
                data = file.read()
        samples, rate = encode.read(io.BytesIO(data), "float32")
        if self.sampling_rate and self.sampling_rate != rate:
            from scipy.signal import resample_poly  # slow to import, and seldom needed

            common = gcd(self.sampling_rate, rate)
            samples = resample_poly(samples, self.sampling_rate // common, rate // common, axis=0)
            rate = self.sampling_rate
        if self.num_channels == 1:
            samples = samples.mean(axis=1, keepdims=True)
        elif self.num_channels and samples.shape[1] == 1:
            samples = np.repeat(samples, self.num_channels, axis=1)
        array = np.ascontiguousarray(samples[:, 0] if samples.shape[1] == 1 else samples.T, np.float32)
        return {"array": array, "sampling_rate": rate, "path": path}

    def encode_example(self, value: Any) -> dict[str, Any]:
        """Store a decoded or stored value as ``{"bytes": encoded file, "path": its name}``.

        Arrays become FLAC files, of 16 bits where that loses nothing, else of 24.

        Raises: ValueError when there is neither sound nor a file.
        """
        if not isinstance(value, dict):
            return super().encode_example(value)
        array, data, path = value.get("array"), value.get("bytes"), value.get("path")
        if array is not None:
            samples = np.asarray(array, np.float32).T
            steps = samples * 32768.0
            subtype = "PCM_16" if np.array_equal(np.rint(steps), steps) else "PCM_24"
            file = io.BytesIO()
            soundfile.write(file, samples, int(value["sampling_rate"]), format="FLAC", subtype=subtype)
            data = file.getvalue()
        elif data is None and path is None:
            raise ValueError("an audio value has neither array, bytes nor path")
        return {"bytes": data, "path": path}

    def cast_storage(self, storage: Any) -> Any:
        """Arrow storage of this feature, also from columns of decoded values."""
        if pa.types.is_struct(storage.type) and storage.type.get_field_index("array") >= 0:
            rows = [None if row is None else self.encode_example(row) for row in storage.to_pylist()]
            return pa.array(rows, self.pa_type)
        return super().cast_storage(storage)


class AudioBuilder(datasets.GeneratorBasedBuilder):
    """A builder that writes audio as it is stored: readers get it as ``Audio`` where that plays.

    Writing through ``Audio`` needs torchcodec even for ready-made files. Elsewhere the column stays what
    is stored: ``{"bytes": a FLAC file, "path": its name}``. A subclass has ``_features(stored)`` and
    ``_open(config)``, which settles what is made or read and returns the texts that tell it from other data.
    """

    # encoded audio is large: rows are written out in batches of this many
    DEFAULT_WRITER_BATCH_SIZE = 100

    def _create_builder_config(self, *arguments: Any, **options: Any) -> tuple[Any, str]:
        config, config_id = super()._create_builder_config(*arguments, **options)
        config = copy.copy(config)  # it may be one of the class
        try:
            check_environment()
            marks = self._open(config)
        except SousaError as error:
            raise ValueError(str(error)) from None
        self.hash = hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16]  # of the cache
        return config, config_id

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description=str(self.__doc__).splitlines()[0], features=self._features(stored=True)
        )

    def audio_feature(self) -> Any:
        """What the audio column is to readers, None without audio."""
        return self._features(stored=False).get("audio")

    def _build_single_dataset(self, *args: Any, **kwargs: Any) -> Any:
        return self._readable(super()._build_single_dataset(*args, **kwargs))

    def _as_streaming_dataset_single(self, *args: Any, **kwargs: Any) -> Any:
        return self._readable(super()._as_streaming_dataset_single(*args, **kwargs))

    def _readable(self, dataset: Any) -> Any:
        feature = self.audio_feature()
        return dataset.cast_column("audio", feature) if feature and torchcodec_works() else dataset


def played_by(dataset: Any, decoder: str) -> Any:
    """A dataset, or a list or dict of datasets, whose audio is decoded by soundfile, torchcodec or none."""
    if isinstance(dataset, list):
        return [played_by(part, decoder) for part in dataset]
    if isinstance(dataset, dict):
        return type(dataset)({name: played_by(part, decoder) for name, part in dataset.items()})
    for name, feature in (dataset.features or {}).items():
        if isinstance(feature, datasets.Audio):
            form = {"sampling_rate": feature.sampling_rate, "num_channels": feature.num_channels}
            kind = SoundfileAudio if decoder == "soundfile" else datasets.Audio
            dataset = dataset.cast_column(name, kind(decode=decoder != "none", **form))
    return dataset
