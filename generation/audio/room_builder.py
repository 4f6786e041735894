"""Making impulse responses with a room model: image sources and ray tracing of pyroomacoustics.

Conventions
-----------
Every response is drawn by name from :mod:`sousa.generation.seeds`: size, wall absorption, places of drum
and microphone, within the ranges of ``rooms.toml``. Early reflections are image sources, the tail
is traced with rays; the microphone's polar pattern weighs both the direct sound and reflections.
The direct sound is put in as a single sample, and reflections after it, so nothing rings before the
onset. A response whose measures are outside of the stated ranges is thrown away and drawn again.

What was made ships with the package: rows never run the room model, so they don't depend on its
version or on the machine. ``sousa acoustics --build-rooms DIRECTORY`` makes pools in the same way; the
shipped ones come from a ray tracer without a seed, so a new pool has other rooms of the same ranges.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.audio import encode, microphones, named_acoustics, rooms
from sousa.generation.audio.banks import BANK_RATE
from sousa.generation.audio.user_sounds import digest_of
from sousa.generation.errors import RunError, UsageError
from sousa.generation.outside import is_directory
from sousa.generation.seeds import stream
from sousa.generation.storage import atomic_file, output_path, write_json

POOL_SIZE = 16
_SEED = 20
_TRIES = 60
_BANDS_HZ = (125, 250, 500, 1000, 2000, 4000, 8000)
_DRUM_HEIGHT_M = 0.75
_WALL_MARGIN_M = 0.35
_SCATTERING = 0.2
_STAND_ABSORPTION, _GROUND_ABSORPTION, _SKY_ABSORPTION = (0.55, 0.85), (0.25, 0.6), 0.999


def build(directory: str | Path, wanted: Iterable[str], progress: Callable[[str], None]) -> None:
    """Make the pools of acoustics.

    Args:
        directory: where pools go, a folder for each.
        wanted: names of acoustics with a room.
        progress: called with a line of text for each pool.

    Raises: UsageError where something stands already; RunError when pyroomacoustics is missing, or a room
        can't meet its stated ranges.
    """
    try:
        import pyroomacoustics
    except ImportError:
        raise RunError(
            "making rooms needs pyroomacoustics: install it with 'pip install pyroomacoustics'; the rooms "
            "that come with sousa need nothing"
        ) from None
    wanted, directory = list(wanted), output_path(directory, "--build-rooms")
    for place in (Path(directory) / name for name in wanted):
        if os.path.lexists(place) and (not is_directory(place) or os.listdir(place)):
            raise UsageError(f"{place} is there already; name another directory, or remove it")
    # a zero-phase filter would ring before the onset
    pyroomacoustics.constants.set("rir_hpf_enable", False)
    for name in wanted:
        place = Path(directory) / name
        place.mkdir(parents=True, exist_ok=True)
        entries = []
        for number in range(POOL_SIZE):
            samples, about = _respond(pyroomacoustics, name, number)
            file = f"{name}_{number:02d}"
            with atomic_file(place / f"{file}.flac") as out:
                out.write(encode.encode(samples, BANK_RATE, "flac"))
            entries.append({"name": file, "file": f"{file}.flac", "digest": digest_of(samples), **about})
        write_json(place / "pool.json", entries)
        progress(f"{name}: {POOL_SIZE} responses")


def _respond(pra: Any, name: str, number: int) -> tuple[np.ndarray, dict[str, Any]]:
    """One response inside its stated ranges: ``(int16 samples, what it is)``."""
    room = rooms.stated()[name]
    last: dict[str, Any] = {}
    microphone = (named_acoustics.load()[name].microphone or {})["type"]
    for attempt in range(_TRIES):
        rng = stream(_SEED, "room", name, number, attempt)
        setup = _draw(rng, room)
        wanted_sec = rng.uniform(*room["rt60_sec"])
        absorbing = rng.uniform(0.05, 0.5)
        for _ in range(1 if room.get("open_air") else 5):
            response = _simulate(pra, rng, room, setup, microphone, absorbing, wanted_sec)
            samples = rooms.prepared(response)
            last = rooms.measure(samples / 32768.0)
            rt60 = last["rt60_sec"]
            if room.get("open_air") or rt60 is None or abs(rt60 / wanted_sec - 1) < 0.05:
                break
            # Sabine: decay is inversely as absorption
            absorbing = float(np.clip(absorbing * rt60 / wanted_sec, 0.01, 0.9))
        if all(
            last[key] is not None and room[key][0] <= last[key] <= room[key][1]
            for key in ("rt60_sec", "drr_db", "c50_db")
        ):
            about = {
                "room_type": room["room_type"], "size_m": setup["size"].round(3).tolist(),
                "absorption": round(absorbing, 4), "drum_m": setup["drum"].round(3).tolist(),
                "microphone_m": setup["mic"].round(3).tolist(), "distance_m": round(setup["distance"], 4),
                "polar_pattern": microphones.load()[microphone].pattern, **last,
                "model": f"pyroomacoustics {pra.__version__}",
            }  # fmt: skip
            return samples, about
    raise RunError(f"no {name} room within its stated ranges in {_TRIES} tries (last: {last})")


def _draw(rng: np.random.Generator, room: dict[str, Any]) -> dict[str, Any]:
    """Room size and places. The distance is a whole number of samples of sound travel."""
    size = np.array([rng.uniform(*span) for span in room["size_m"]])
    speed = 331.4 + 0.6 * 20.0  # as pyroomacoustics has it at 20 degrees
    samples = round(rng.uniform(*room["distance_m"]) / speed * BANK_RATE)
    distance = samples * speed / BANK_RATE
    while True:
        drum = np.array([*(rng.uniform(0.2, 0.8, 2) * size[:2]), _DRUM_HEIGHT_M])
        azimuth = rng.uniform(0, 2 * np.pi)
        elevation = math.radians(rng.uniform(*room["elevation_deg"]))
        level = math.cos(elevation)
        toward = np.array([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])
        mic = drum + toward * distance
        inside = (mic > _WALL_MARGIN_M).all() and (mic < size - _WALL_MARGIN_M).all()
        if inside and (drum[:2] > _WALL_MARGIN_M).all() and (drum[:2] < size[:2] - _WALL_MARGIN_M).all():
            return {"size": size, "drum": drum, "mic": mic, "distance": distance, "samples": samples}


def _simulate(
    pra: Any,
    rng: np.random.Generator,
    room: dict[str, Any],
    setup: dict[str, Any],
    microphone: str,
    absorbing: float,
    rt60_sec: float,
) -> np.ndarray:
    """The response of a room: float64 (samples,), direct sound at sample 0 with value 1."""
    share = microphones.load()[microphone].pattern
    toward = (setup["drum"] - setup["mic"]) / setup["distance"]
    pattern = None
    if share > 0:
        pattern = pra.directivities.CardioidFamily(
            orientation=pra.directivities.DirectionVector(
                azimuth=math.atan2(toward[1], toward[0]), colatitude=math.acos(toward[2]), degrees=False
            ),
            p=1.0 - share,
        )
    pra.seed(int(rng.integers(2**31)))  # the ray tracer's own draws

    def respond(order: int, materials: Any, rays: dict[str, Any] | None = None) -> np.ndarray:
        space = pra.ShoeBox(
            setup["size"], fs=BANK_RATE, materials=materials, max_order=order, air_absorption=True,
            ray_tracing=rays is not None, temperature=20.0, humidity=50.0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice about the number of rays
            if rays:
                space.set_ray_tracing(**rays)
            space.add_source(setup["drum"])
            space.add_microphone(setup["mic"], directivity=pattern)
            space.compute_rir()
        return np.asarray(space.rir[0][0], dtype=np.float64)

    if room.get("open_air"):
        materials = dict.fromkeys(("west", "east", "north", "ceiling"), pra.Material(_SKY_ABSORPTION))
        materials["south"] = pra.Material(rng.uniform(*_STAND_ABSORPTION))
        materials["floor"] = pra.Material(rng.uniform(*_GROUND_ABSORPTION))
        full = respond(6, materials)
    else:
        tilt = room["absorption_tilt"] ** np.linspace(-0.5, 0.5, len(_BANDS_HZ))
        coefficients = np.clip(absorbing * tilt * rng.uniform(0.85, 1.15, len(_BANDS_HZ)), 0.005, 0.97)
        walls = pra.Material(
            {"coeffs": coefficients.tolist(), "center_freqs": list(_BANDS_HZ), "description": "walls"},
            _SCATTERING,
        )
        radius = min(0.5, 0.12 * float(setup["size"].min()))
        rays = {"n_rays": 6000, "receiver_radius": radius, "energy_thres": 1e-7, "time_thres": 1.3 * rt60_sec}
        full = respond(3, walls, rays)
    alone = respond(0, pra.Material(0.5))
    at = setup["samples"] + pra.constants.get("frac_delay_length") // 2
    direct = float(alone.sum())
    full[: len(alone)] -= alone[: len(full)]
    full[at] = direct
    return full[at:] / direct
