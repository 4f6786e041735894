"""Names of settings and rows: unique over a corpus, and safe as names of files everywhere.

Conventions: names are those of DSGenerator. ``values``: sound, fixed parameters, labels of swept ones and
chunk, ``Pop--rate_exp-00.50--center frequency-220.00--v-001``. ``later``, its later generation: without the
fixed ones, chunks as ``--c-01`` and examples as ``--x-01`` where there are several. ``index``: our own,
``pop--s-00012--x-00--c-00``. Numbers have two decimals, and more where labels of an axis would look alike.
Spaces are kept.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import groupby

MAX_BYTES = 200
# what some system refuses in a file's name
_UNSAFE = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])$", re.IGNORECASE)
_MAX_DECIMALS = 15


def suffix(config, example, chunk):
    """What follows a setting's name in the name of a row."""
    several = f"--x-{example:02d}" if config.examples > 1 else ""
    if config.naming == "values":
        return f"{several}--v-{chunk:03d}"
    if config.naming == "later":
        return (f"--c-{chunk:02d}" if config.chunks > 1 else "") + several
    return f"--x-{example:02d}--c-{chunk:02d}"


@lru_cache(maxsize=4)  # by value, so that a worker that gets a copy with each shard works them out once
def setting_ids(config):
    """Names of all settings, in the order of ``config.settings``: tuple of texts."""
    stems = []
    for number, settings in groupby(config.settings, key=lambda setting: setting.sound):
        stems += _stems(config, config.sounds[number], list(settings))
    room = MAX_BYTES - len(suffix(config, config.examples - 1, config.chunks - 1))
    stems = [
        stem if len(stem.encode()) <= room else _cut(stem, _index(setting), room)
        for stem, setting in zip(stems, config.settings, strict=True)
    ]
    return tuple(_apart(config, stems, room))


def safe(name):
    """A name that every file system takes: what it refuses, and what can't be seen, becomes ``_``."""
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", name))
    name = "".join(letter if letter.isprintable() else "_" for letter in name).rstrip(" .")
    name = re.sub(r"^[. ]+", "_", name) or "_"
    return f"_{name}" if _RESERVED.match(name) else name


def _stems(config, sound, settings):
    """Names of the settings of a sound, perhaps too long or alike."""
    if config.naming == "index":
        return [safe(sound.name) + _index(setting) for setting in settings]
    fixed = sound.fixed if config.naming == "values" else ()
    head = safe(sound.name) + "".join(f"--{safe(part.name)}-{part.given:05.2f}" for part in fixed)
    columns = zip(*(setting.user for setting in settings), strict=True)
    texts = [_texts(axis.user_name, column) for axis, column in zip(sound.axes, columns, strict=True)]
    return [
        head + "".join(text[value] for text, value in zip(texts, setting.user, strict=True))
        for setting in settings
    ]


def _texts(user_name, values):
    """``--name-value`` by label: with the fewest decimals, two or more, that keep all labels apart."""
    values = sorted(set(values))
    ways = ([f"{value:0{n + 3}.{n}f}" for value in values] for n in range(2, _MAX_DECIMALS + 1))
    exact = [f"{value:.12g}" for value in values]
    texts = next((texts for texts in ways if len(set(texts)) == len(texts)), exact)
    return {value: f"--{safe(user_name)}-{text}" for value, text in zip(values, texts, strict=True)}


def _index(setting):
    return f"--s-{setting.index:05d}"


def _cut(text, end, room):
    """The beginning of a text, and an end, in at most ``room`` bytes of UTF-8."""
    return text.encode()[: room - len(end)].decode(errors="ignore").rstrip(" .") + end


def _apart(config, stems, room):
    """The same with the index of the setting, and where need be of the sound, behind names that are alike.

    Names that differ in case alone are alike: they are one file on macOS and Windows.
    """
    count = Counter(stem.casefold() for stem in stems)
    if len(count) == len(stems):
        return stems
    several = len(config.sounds) > 1
    stems = [
        _cut(stem, (f"--n-{setting.sound:02d}" if several else "") + _index(setting), room)
        if count[stem.casefold()] > 1
        else stem
        for stem, setting in zip(stems, config.settings, strict=True)
    ]
    if len({stem.casefold() for stem in stems}) < len(stems):  # a sound was named like another one's index
        return [_cut(stem, f"--r-{i:09d}", room) for i, stem in enumerate(stems)]
    return stems
