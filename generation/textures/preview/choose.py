"""Which rows a preview shows: as many of each sound, and of each sound settings all over its space.

Conventions: rows are numbered in the order of the manifest's shards. The same dataset, count and seed give
the same rows.
"""

from pathlib import Path

import numpy as np

from sousa.generation import seeds
from sousa.generation.errors import one_of, raise_all
from sousa.generation.tables import row_groups

_COLUMNS = ["sound", "setting_index"]


def wanted_sounds(names, config):
    """Sounds of a dataset that are asked for, all for None.

    Raises: UsageError for those that aren't in it.
    """
    known = [sound.name for sound in config.sounds]
    raise_all(f"this dataset has no sound {one_of(name, known)}" for name in names or () if name not in known)
    return known if names is None else [name for name in known if name in names]


def read_index(root, records):
    """Sound and setting of each row: ``(object array of names, int64 array of setting numbers)``."""
    sounds, settings = [], []
    for record in records:
        for group in row_groups(Path(root) / record["file"], _COLUMNS):
            sounds += group["sound"].to_pylist()
            settings.append(group["setting_index"].to_numpy())
    return np.array(sounds, object), np.concatenate(settings).astype(np.int64)


def choose(sound, setting, wanted, count, seed):
    """Numbers of the chosen rows, ascending: at most ``count``, and all when there are fewer.

    Args:
        sound, setting: of each row, as :func:`read_index` gives them; wanted: names of sounds, in order.
    """
    rng = seeds.stream(seed, "preview")
    ranked = {name: _ranked(np.flatnonzero(sound == name), setting, rng) for name in wanted}
    chosen = []
    shares = _shares([len(rows) for rows in ranked.values()], count)
    for rows, share in zip(ranked.values(), shares, strict=True):
        chosen += rows[:share] if share == len(rows) else _spread(rows, setting, share, rng)
    return sorted(int(row) for row in chosen)


def _shares(sizes, count):
    """How many rows of each sound: even, but none more than there are."""
    shares = [0] * len(sizes)
    while sum(shares) < min(count, sum(sizes)):
        free = [i for i, size in enumerate(sizes) if shares[i] < size]
        shares[min(free, key=lambda i: shares[i])] += 1
    return shares


def _ranked(rows, setting, rng):
    """Rows of a sound: one of each setting, drawn by chance, then a second one of each, and so on."""
    rows = rng.permutation(rows)
    order = np.argsort(setting[rows], kind="stable")
    own = setting[rows][order]
    begins = np.flatnonzero(np.diff(own, prepend=-1))
    rank = np.arange(len(own)) - np.repeat(begins, np.diff(begins, append=len(own)))
    return rows[order][np.argsort(rank, kind="stable")].tolist()


def _spread(rows, setting, share, rng):
    """Whole rounds of settings while they fit, then settings at even distances."""
    settings = len(set(setting[rows].tolist()))
    whole = share // settings * settings
    rest = rows[whole : whole + settings]
    places = (np.arange(share - whole) + rng.random()) * len(rest) / max(share - whole, 1)
    return rows[:whole] + [rest[int(place)] for place in places]
