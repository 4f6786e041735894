"""Benchmarks of making rudiments: whole rows beside FLAC alone, their sound beside FluidSynth's, rooms.

What is made are shards of the medium size, after a shard that loads drums and definitions.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fluid import rendering
from benchmarks.measuring import Benchmark, Line, Work
from benchmarks.shards import STORED, flac_alone, rows, written

SHARDS, ACOUSTICS = 8, 12
ROOM = "concert_hall"
PLAYER = 1  # who has not been warmed up with


def config_of(**options: Any) -> Any:
    """The medium size with some options."""
    from sousa.generation import corpora

    corpus = corpora.get("rudiments")
    return corpus.config(corpus.Options.read({"size": "medium", **options}), print)


def clean_shards(config: Any) -> list[Any]:
    """A shard to begin with, and SHARDS of clean rows."""
    from sousa.generation.rudiments import corpus

    shards = [shard for shard in corpus.plan(config) if shard.key["augmentation"] == 0]
    return shards[1 : SHARDS + 2]


def shards_in_acoustics(config: Any) -> list[Any]:
    """A shard of a player, and all shards of another one's first tempi, clean and in all acoustics."""
    from sousa.generation.rudiments import corpus

    shards = [shard for shard in corpus.plan(config) if shard.key["tempos"][0] == 0]
    of_player = [shard for shard in shards if shard.key["profiles"] == [PLAYER]]
    return [next(shard for shard in shards if shard.key["profiles"] != [PLAYER]), *of_player]


def whole(choose: Callable[[Any], list[Any]], place: Path, **options: Any) -> Work:
    """Whole rows."""
    config = config_of(**options)
    warm, *shards = choose(config)
    return rows("rudiments", config, [warm], shards)


def make_shards(choose: Callable[[Any], list[Any]], place: Path, **options: Any) -> None:
    """Shards whose sound is encoded again for the reference."""
    config = config_of(**options)
    written("rudiments", config, choose(config)[1:], place / STORED)


def making(
    name: str, about: str, choose: Callable[[Any], list[Any]], more: dict[str, Line], **options: Any
) -> Benchmark:
    """Whole rows of some shards, and ``more`` lines, beside FLAC encoding of their sound alone."""
    alone = "FLAC encoding alone"
    lines = {
        alone: Line(flac_alone),
        "rows: labels, MIDI, sound, FLAC, Parquet": Line(partial(whole, choose, **options)),
        **more,
    }
    unit = "s of audio per CPU-second"
    return Benchmark(name, about, unit, 1.0, alone, lines, partial(make_shards, choose, **options), rate=True)


CLEAN = making(
    "rudiments, clean",
    f"{SHARDS} shards of clean rows of the medium size, in one process.",
    clean_shards,
    {
        "the same with WAV in place of FLAC": Line(partial(whole, clean_shards, audio_format="wav")),
        "the same without sound": Line(partial(whole, clean_shards, with_audio=False)),
    },
)
IN_ACOUSTICS = making(
    "rudiments, all acoustics",
    f"All takes of a player in the small size, clean and in {ACOUSTICS - 1} other acoustics, in one process.",
    shards_in_acoustics,
    {},
    augmentations=ACOUSTICS,
)


def takes_of_player() -> tuple[Any, Any]:
    """``(config, Performances)`` of all forms at three tempi."""
    from sousa.generation.rudiments import corpus, definitions
    from sousa.generation.rudiments.assembly import play

    config = config_of()
    forms = definitions.main_forms()
    takes = [corpus.take_of(config, PLAYER, form, tempo) for form in forms for tempo in range(3)]
    return config, play(takes, config.sample_rate)


def mixed(p: Any, voice: Any) -> Any:
    """Yields the sound of each take, float32 (channels, samples), played by a Voice."""
    from sousa.generation.audio import drums, mix

    for number, size in enumerate(p.num_samples.tolist()):
        span = slice(p.start[number], p.start[number + 1])
        which = drums.variant_of(p.variant[span], p.hand[span])
        yield mix.add_up(voice, p.onset_sample[span], p.velocity[span], which, size)


def dry_voice(config: Any) -> Any:
    from sousa.generation.audio import banks, drums
    from sousa.generation.rudiments import players
    from sousa.generation.rudiments.renderings import hands

    setup = drums.setup(lambda name: 0.5, hands(config.seed, players.player(config.seed, PLAYER)))
    return drums.voice(banks.shipped()[0], setup, None, config.sample_rate, config.channels)


def room_response(rate: int) -> Any:
    """A room, microphone and EQ: float32 (taps,)."""
    from sousa.generation.audio import acoustics, named_acoustics, rooms

    record = acoustics.session_record(named_acoustics.load()[ROOM], lambda name: 0.5, rooms.pool(ROOM))
    return acoustics.response(record, rate)


def drum_in_room(place: Path) -> Work:
    from sousa.generation.audio.voices import WetVoice

    config, p = takes_of_player()
    dry, response = dry_voice(config), room_response(config.sample_rate)

    def work() -> float:
        voice = WetVoice(dry, response)
        return sum(sound.shape[1] for sound in mixed(p, voice)) / config.sample_rate

    return work


def rows_in_room(place: Path) -> Work:
    """Dry rows, each convolved with the response whole."""
    from scipy.signal import oaconvolve

    config, p = takes_of_player()
    dry, response = dry_voice(config), room_response(config.sample_rate)

    def work() -> float:
        sounds = (oaconvolve(sound, response[None], axes=1)[:, : sound.shape[1]] for sound in mixed(p, dry))
        return sum(sound.shape[1] for sound in sounds) / config.sample_rate

    return work


ROOMS = Benchmark(
    "rooms",
    f"All takes of a player are mixed as they sound in a room ({ROOM}).",
    "s of audio per CPU-second",
    1.0,
    "dry rows, then `scipy.signal.oaconvolve`",
    {
        "dry rows, then `scipy.signal.oaconvolve`": Line(rows_in_room),
        "sousa: the drum in the room": Line(drum_in_room),
    },
    rate=True,
)


def rendered(place: Path) -> Work:
    """Labels to sound: dry rows, quantised to 16 bits."""
    from sousa.generation.audio import mix

    config, p = takes_of_player()
    dry = dry_voice(config)

    def work() -> float:
        return sum(len(mix.quantise(sound, 0.0)[0]) for sound in mixed(p, dry)) / config.sample_rate

    return work


def midi_files() -> tuple[list[Any], int]:
    """``(PrettyMIDI objects, rate)``: the same takes."""
    import pretty_midi

    config, p = takes_of_player()
    out = []
    for number in range(len(p.takes)):
        part = pretty_midi.Instrument(0, is_drum=True)
        span = slice(p.start[number], p.start[number + 1])
        onsets = (p.onset_sample[span] / config.sample_rate).tolist()
        for onset, velocity in zip(onsets, p.velocity[span].tolist(), strict=True):
            part.notes.append(pretty_midi.Note(velocity, 38, onset, onset + 0.06))
        out.append(pretty_midi.PrettyMIDI())
        out[-1].instruments.append(part)
    return out, config.sample_rate


SOUND = rendering("sound of rudiments", "All takes of a player, from notes to samples.", midi_files, rendered)
SUITE = (CLEAN, IN_ACOUSTICS, ROOMS, SOUND)
