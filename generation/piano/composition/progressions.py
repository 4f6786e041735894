"""Progressions: which chord follows which, and how phrases end."""

from functools import cache

from sousa.generation.piano.composition.tables import Choice, Draw, table, weighted
from sousa.generation.piano.score import COMPLEXITIES


@cache
def known(level: str) -> frozenset[str]:
    """Numerals a level uses."""
    levels = COMPLEXITIES[: COMPLEXITIES.index(level) + 1]
    return frozenset(" ".join(table("harmony")["levels"][name] for name in levels).split())


@cache
def row(level: str, mode: str, numeral: str) -> Choice:
    """What may follow a chord."""
    rows = table("harmony")["classical"][mode]
    weights = weighted(rows[numeral]) if numeral in rows else {}
    more = table("harmony")["more"]
    return Choice({
        name: weight * (more["applied"][level] if "/" in name else more["sixth"][level] if "6" in name else 1)
        for name, weight in weights.items()
        if name in known(level)
    })  # fmt: skip


@cache
def cadences(level: str, mode: str, kind: str, before: str, most: int) -> Choice:
    """Formulas of a cadence after a chord, with up to so many chords before the last one.

    Those whose first chord may follow it are taken; else those that begin with a dominant.
    """
    rows = [text.rsplit(" ", 1) for text in table("harmony")["cadences"][mode][kind]]
    formulas = {tuple(text.split()): float(weight) for text, weight in rows}
    formulas = {
        chords: weight
        for chords, weight in formulas.items()
        if known(level).issuperset(chords) and len(chords) <= most + 1
    }
    follow = set(row(level, mode, before).things)
    fitting = {chords: weight for chords, weight in formulas.items() if chords[0] in follow}
    repeated = {chords: weight for chords, weight in formulas.items() if chords[0] == before}
    return Choice(fitting or repeated or formulas)


@cache
def _ends_well(level: str, mode: str, kind: str, numeral: str) -> bool:
    formulas = table("harmony")["cadences"][mode][kind]
    follow = set(row(level, mode, numeral).things)
    return any(known(level).issuperset((c := text.split())[:-1]) and c[0] in follow for text in formulas)


@cache
def _closing(level: str, mode: str, kind: str, numeral: str) -> Choice:
    """What may follow a chord where a cadence comes next."""
    choice = row(level, mode, numeral)
    things = [name for name in choice.things if _ends_well(level, mode, kind, name)]
    return choice if not things else choice.only(things)


@cache
def _sequences(level: str, mode: str) -> tuple[tuple[str, ...], ...]:
    names = (tuple(text.split()) for text in table("harmony")["classical"]["sequences"][mode])
    return tuple(chords for chords in names if known(level).issuperset(chords))


def walk(draw: Draw, level: str, mode: str, count: int, first: str, cadence: str) -> list[str]:
    """A progression of so many chords that leads to a cadence, its chords not included."""
    out = [first]
    sequences = [names for names in _sequences(level, mode) if names[0] == first]
    if count >= 4 and sequences and draw() < table("harmony")["classical"]["sequences"]["share"][level]:
        out = list(sequences[int(draw() * len(sequences))][: count - 1])
    while len(out) < count:
        last = len(out) == count - 1
        choice = _closing(level, mode, cadence, out[-1]) if last else row(level, mode, out[-1])
        out.append(choice.draw(draw))
    return out


@cache
def _loops(level: str, mode: str) -> tuple[tuple[str, ...], ...]:
    loops = (tuple(text.split()) for text in table("harmony")["popular"]["loops"][mode])
    return tuple(loop for loop in loops if known(level).issuperset(loop))


@cache
def _colours(level: str, numeral: str) -> tuple[tuple[str, float], ...]:
    text = table("harmony")["popular"]["colour"].get(numeral, "")
    return tuple((name, share) for name, share in weighted(text).items() if name in known(level))


def loop(draw: Draw, level: str, mode: str, count: int) -> list[str]:
    """So many chords of a pop song: a loop, its chords coloured where the level allows."""
    chords = _loops(level, mode)[int(draw() * len(_loops(level, mode)))]
    out = []
    for number in range(count):
        name = chords[number % len(chords)]
        left = draw()
        for other, share in _colours(level, name):
            left -= share
            if left < 0:
                name = other
                break
        out.append(name)
    return out
