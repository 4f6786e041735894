"""What a piece is to be like, and what can't be had."""

from dataclasses import dataclass
from functools import cache

from sousa.generation.errors import one_of
from sousa.generation.piano.composition.rhythm import TICKS, in_ticks
from sousa.generation.piano.composition.tables import table
from sousa.generation.piano.score import COMPLEXITIES, KEYS, beat_length

DURATION_SEC = (16.0, 44.0)  # of a piece of which nothing is said
LONGEST_SEC, MOST_NOTES = 1800, 20_000  # of any piece
LEAST_BARS = 2
BEATS_A_MINUTE = (30, 240)
FEWEST_NOTES = 4
# notes a second that a level can be brought to, without being another one
NOTES_A_SECOND = {"simple": (0.5, 4.0), "medium": (0.5, 9.0), "complex": (0.5, 16.0)}


@cache
def metres() -> tuple[str, ...]:
    """Metres that pieces are written in."""
    return tuple(table("form")["bars"])


@cache
def _least_sec(metre: str) -> float:
    """Duration of the shortest piece in a metre."""
    quarters = sum(in_ticks(table("form")["bars"][metre]["chords"][0])) / TICKS
    return LEAST_BARS * quarters * 60 / (BEATS_A_MINUTE[1] * beat_length(metre))


@dataclass(frozen=True)
class Wanted:
    """What a piece is to be like.

    Attributes:
        complexity: one of COMPLEXITIES.
        keys: names in KEYS to draw from; empty for all, in the proportions of the level.
        metres: such as ``3/4``, to draw from; empty for all.
        min_notes, max_notes: written notes, graces included; None without a limit.
        min_duration_sec, max_duration_sec: at the written tempo; None for what is usual.
    """

    complexity: str
    keys: tuple[str, ...] = ()
    metres: tuple[str, ...] = ()
    min_notes: int | None = None
    max_notes: int | None = None
    min_duration_sec: float | None = None
    max_duration_sec: float | None = None

    def durations(self) -> tuple[float, float]:
        """Shortest and longest duration in seconds."""
        low, high = self.min_duration_sec, self.max_duration_sec
        rates = NOTES_A_SECOND[self.complexity]
        # a limit of notes asks for a time they have room in
        usual_low, usual_high = DURATION_SEC
        if self.min_notes is not None:
            usual_high = min(max(usual_high, 2 * self.min_notes / rates[1]), float(LONGEST_SEC))
        if self.max_notes is not None:
            usual_low = min(usual_low, self.max_notes / rates[0])
        if low is None:
            low = usual_low if high is None else min(usual_low, high / 2)
        if high is None:
            high = min(max(usual_high, 2 * low), float(LONGEST_SEC))
        return low, high

    def fitting_metres(self) -> tuple[str, ...]:
        """Metres to draw from: in which the longest piece has room for two bars."""
        longest = self.durations()[1]
        return tuple(name for name in self.metres or metres() if _least_sec(name) <= longest)


def problems(wanted: Wanted) -> list[str]:
    """Sentences that say what can't be met; none if every piece can."""
    out = []
    if wanted.complexity not in COMPLEXITIES:
        return [f"complexity is {one_of(wanted.complexity, COMPLEXITIES)}"]
    out += [f"a key is {one_of(name, KEYS)}" for name in wanted.keys if name not in KEYS]
    out += [f"a metre is {one_of(name, metres())}" for name in wanted.metres if name not in metres()]
    pairs = (("min_notes", "max_notes"), ("min_duration_sec", "max_duration_sec"))
    for least, most in pairs:
        low, high = getattr(wanted, least), getattr(wanted, most)
        if low is not None and high is not None and low > high:
            out.append(f"{least} is {low:g}, above {most} {high:g}; exchange them")
    for pair, limit in zip(pairs, (MOST_NOTES, LONGEST_SEC), strict=True):
        for name in pair:
            if (value := getattr(wanted, name)) is not None and value > limit:
                out.append(f"{name} is {value:,.12g}; give at most {limit:,}")
    if wanted.max_notes is not None and wanted.max_notes < FEWEST_NOTES:
        out.append(f"max_notes is {wanted.max_notes}; the shortest piece has {FEWEST_NOTES} notes")
    if out:
        return out
    shortest, longest = wanted.durations()
    needed = min(map(_least_sec, wanted.metres or metres()))
    if longest < needed:
        where = f" in {' or '.join(wanted.metres)}" if wanted.metres else ""
        return [f"max_duration_sec is {longest:g}; two bars{where} take {needed:.3g} s at the fastest tempo"]
    slow, fast = NOTES_A_SECOND[wanted.complexity]
    if wanted.min_notes is not None and wanted.min_notes > fast * longest:
        out.append(
            f"min_notes is {wanted.min_notes}, more than {wanted.complexity} pieces have room for in "
            f"{longest:g} s ({int(fast * longest)}); lower it"
            + " or raise max_duration_sec"
            * (longest < LONGEST_SEC)
        )
    if wanted.max_notes is not None and wanted.max_notes < slow * shortest:
        out.append(
            f"max_notes is {wanted.max_notes}, too few to fill {shortest:g} s "
            f"({-(-int(slow * shortest * 1000) // 1000)}); raise it or lower min_duration_sec"
        )
    return out
