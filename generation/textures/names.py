"""Names of settings and rows: unique over a corpus, and safe as names of files everywhere.

Conventions: names are those of DSGenerator. ``values``: sound, fixed parameters, labels of swept ones and
chunk, ``Pop--rate_exp-00.50--center frequency-220.00--v-001``. ``later``, its later generation: without the
fixed ones, chunks as ``--c-01`` and examples as ``--x-01`` where there are several. ``index``: our own,
``pop--s-00012--x-00--c-00``. Numbers have two decimals, and more where labels of an axis would look alike.
Spaces are kept.
"""

import re
import unicodedata

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


def setting_ids(config):
    """Names of all settings, in the order of ``config.settings``."""
    if config.naming == "index":
        stems = [f"{safe(config.sounds[one.sound].name)}{_index(one)}" for one in config.settings]
    else:
        stems = _of_values(config)
    room = MAX_BYTES - len(suffix(config, config.examples - 1, config.chunks - 1))
    stems = [
        stem if len(stem.encode()) <= room else _cut(stem, room - len(_index(one))) + _index(one)
        for stem, one in zip(stems, config.settings, strict=True)
    ]
    return _apart(config, stems, room)


def safe(name):
    """A name that every file system takes: what it refuses, and what can't be seen, becomes ``_``."""
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", name))
    name = "".join(one if one.isprintable() else "_" for one in name).rstrip(" .")
    name = re.sub(r"^[. ]+", "_", name) or "_"
    return f"_{name}" if _RESERVED.match(name) else name


def _of_values(config):
    heads, written = [], []
    for sound in config.sounds:
        fixed = sound.fixed if config.naming == "values" else ()
        heads.append(
            "".join([safe(sound.name), *(f"--{safe(one.name)}-{_padded(one.given, 2)}" for one in fixed)])
        )
    for number, sound in enumerate(config.sounds):
        own = [one.user for one in config.settings if one.sound == number]
        written.append(
            [
                _texts(axis.user_name, column)
                for axis, column in zip(sound.axes, zip(*own, strict=True), strict=True)
            ]
        )
    return [
        heads[one.sound]
        + "".join(texts[value] for texts, value in zip(written[one.sound], one.user, strict=True))
        for one in config.settings
    ]


def _texts(user_name, values):
    """``--name-value`` by label: with the fewest decimals, two or more, that keep all labels apart."""
    values = sorted(set(values))
    for decimals in range(2, _MAX_DECIMALS + 1):
        texts = [_padded(value, decimals) for value in values]
        if len(set(texts)) == len(texts):
            break
    else:
        texts = [f"{value:.12g}" for value in values]
    return {value: f"--{safe(user_name)}-{text}" for value, text in zip(values, texts, strict=True)}


def _padded(value, decimals):
    """``00.50``: five characters or more with two decimals."""
    return f"{value:0{decimals + 3}.{decimals}f}"


def _index(setting):
    return f"--s-{setting.index:05d}"


def _cut(text, room):
    """The beginning of a text in at most ``room`` bytes of UTF-8."""
    return text.encode()[:room].decode(errors="ignore").rstrip(" .")


def _apart(config, stems, room):
    """The same with the index of the setting, and where need be of the sound, behind names that are alike.

    Names that differ in case alone are alike: they are one file on macOS and Windows.
    """
    count = {}
    for stem in stems:
        key = stem.casefold()
        count[key] = count.get(key, 0) + 1
    if len(count) == len(stems):
        return stems
    several = len(config.sounds) > 1
    ends = [
        "" if count[stem.casefold()] == 1 else (f"--n-{one.sound:02d}" if several else "") + _index(one)
        for stem, one in zip(stems, config.settings, strict=True)
    ]
    stems = [_cut(stem, room - len(end)) + end for stem, end in zip(stems, ends, strict=True)]
    if len({stem.casefold() for stem in stems}) < len(stems):  # a sound was named like another one's index
        return [f"{_cut(stem, room - 14)}--r-{i:09d}" for i, stem in enumerate(stems)]
    return stems
