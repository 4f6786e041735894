"""Piano pieces: composed or read from scores, performed by simulated players, and sounded.

The way of a row: ``settings`` says what to make, ``corpus`` plans it and makes rows of coordinates;
``pieces`` asks for the ``score`` (``composition``, or the user's by ``scores``) and what a player makes of it
(``performance``, ``played``); ``labels`` tells it, and ``renderings`` and ``sampler`` sound it.
"""

from typing import TYPE_CHECKING, Any

from sousa.generation.corpus import Generated, elsewhere

if TYPE_CHECKING:
    from sousa.generation.columns import Column
    from sousa.generation.config import Config
    from sousa.generation.shards import Shard

_HERE = "sousa.generation.piano"


class Piano(Generated):
    """The piano corpus, as generic code knows it; see :mod:`sousa.generation.corpus`."""

    name = "piano"
    title = "SOUSA piano"
    summary = "piano pieces of three levels, performed by simulated players of three skill tiers"
    data_version = "2.0.0"
    Options = elsewhere(f"{_HERE}.options:PianoOptions")
    examples = (
        ("--size small", "200 pieces in output/piano"),
        ("-n 500 --complexity medium --key-signatures C,G,Am", "500 pieces of one level in three keys"),
        ("-n 100 -a 3 --acoustics clean,concert_hall --stereo", "each piece clean and in rooms"),
        ("--scores my/scores -p 4 -o output/mine", "your own pieces, by four players each"),
    )
    commands = {
        "pianos": (
            f"{_HERE}.sampler.commands:pianos", "list, build and play sampled pianos",
            "sounds and instruments",
        ),
    }  # fmt: skip
    exports = {
        "sound2sheet": (
            f"{_HERE}.sound2sheet:Sound2Sheet",
            "folders train, val and test of audio and MIDI, with a JSON manifest of each",
        )
    }
    tasks = {"transcription": ("notes",), "level": ("complexity",)}
    sound = "a piano recording"
    captions_from = (
        "sample_id", "seed", "key", "metre", "performed_tempo_bpm", "complexity", "style", "skill_tier",
        "pedal_share", "piano", "brightness_db", "augmentation_preset",
    )  # fmt: skip
    builder = "sousa.builders.piano:Piano"
    preload = (f"{_HERE}.corpus",)
    address = ("piece_index", "performance_index", "augmentation_index")

    config = elsewhere(f"{_HERE}.settings:config_of")
    restore = elsewhere(f"{_HERE}.settings:restore")
    resized = elsewhere(f"{_HERE}.settings:resized")
    plan = elsewhere(f"{_HERE}.corpus:plan")
    addresses = elsewhere(f"{_HERE}.corpus:addresses")
    remake = elsewhere(f"{_HERE}.corpus:remake")
    estimate = elsewhere(f"{_HERE}.corpus:estimate")
    splits = elsewhere(f"{_HERE}.corpus:splits")
    beside = elsewhere(f"{_HERE}.corpus:beside")
    validation = elsewhere(f"{_HERE}.validation:PianoValidation")
    preview = elsewhere(f"{_HERE}.preview:preview")
    marks = elsewhere(f"{_HERE}.marks:marks")
    packaging = elsewhere(f"{_HERE}.packaging:packaging")
    captions = elsewhere(f"{_HERE}.captions:captions")

    def columns(self, config: "Config | None" = None) -> "tuple[Column, ...]":
        from sousa.generation.piano.columns import columns

        return columns(config is None or config.with_audio)

    def order(self, shard: "Shard") -> Any:
        # renderings of the same pieces one after the other: they share voices and rooms
        return shard.key["pieces"], shard.key["performance"], shard.key["augmentations"]
