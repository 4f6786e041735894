"""The rudiments, read from ``definitions/*.toml``: one file a rudiment, adding one is adding a file.

Conventions
-----------
A file holds one *lead* (``R> L R R``); ``alternates = true`` means the next lead is played with the
hands exchanged, so the cycle is two leads. Lengths and onsets are exact fractions of a quarter-note
beat; tempi are quarter notes a minute, whatever the metre. ``groups`` names the beat groups of a
lead with their number of primary strokes (``para:2 paradiddle:4``).

Where a file gives no tempo range for a variant, the range of the main form is scaled so that its
shortest note lasts as long: the same hands play the same speed.

The limits on density are those of published and measured playing: single strokes up to 15 a
second, figures with doubles up to 19.4, and a graced stroke needs room for its graces.
"""

import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path

from sousa.generation.errors import SousaError, one_of, raise_all
from sousa.generation.rudiments.notation import Stroke, other_hand, parse_rhythm, parse_sticking

DEFINITIONS_DIR = Path(__file__).parent / "definitions"
CATEGORIES = ("roll", "diddle", "flam", "drag")
MAX_SINGLES_PER_SECOND = 15.0
MAX_DOUBLES_PER_SECOND = 19.4
MIN_TEMPO_BPM = 28  # below it a MIDI tick is too long to give the labelled sample back within one
MIN_SLOT_MS = {0: 0.0, 1: 75.0, 2: 145.0}  # before a stroke with this many graces

_FIELDS = {
    "number", "name", "category", "family", "sticking", "rhythm", "alternates", "metre", "groups",
    "tempo_bpm", "variants",
}  # fmt: skip
_VARIED = ("alternates", "groups", "metre", "rhythm", "sticking", "tempo_bpm")
_TEMPO_FIELDS = ("min", "typical_low", "typical_high", "max")
_FILE_NAME = re.compile(r"^\d+_([a-z0-9_]+)\.toml$")


class DefinitionError(SousaError):
    """A definition file that can't be used; names the file and every problem in it."""


@dataclass(frozen=True)
class TempoRange:
    """Quarter notes a minute: the whole range, and the usual one inside it."""

    min: int
    typical_low: int
    typical_high: int
    max: int


@dataclass(frozen=True, eq=False)
class Rudiment:
    """One playable form: a rudiment, or a published variant of it."""

    number: int  # PAS number, 1-40 (other numbers for additions)
    slug: str
    name: str
    category: str  # one of CATEGORIES
    family: str
    variant: str | None  # name of the variant, None for the main form
    strokes: tuple[Stroke, ...]  # primaries of one lead
    onsets: tuple[Fraction, ...]  # of those primaries, exact fractions of a beat
    lengths: tuple[Fraction, ...]
    lead_beats: Fraction  # length of one lead
    alternates: bool  # the cycle is this lead and its mirror image
    metre: str  # time signature, for example "6/8"
    groups: tuple[tuple[str, int], ...]  # (name, number of primaries) along one lead
    tempo: TempoRange

    @cached_property
    def form(self):
        """Name of this form: ``slug`` or ``slug:variant``."""
        return form_name(self.slug, self.variant)

    @cached_property
    def cycle_beats(self):
        """Length of one cycle in beats."""
        return self.lead_beats * (2 if self.alternates else 1)

    @cached_property
    def bar_beats(self):
        """Length of one bar of the metre in quarter-note beats."""
        return 4 * Fraction(self.metre)

    @property
    def slots(self):
        """Time since the primary before, in beats, for each primary of a lead repeated for ever."""
        ends = (self.onsets[-1] - self.lead_beats, *self.onsets[:-1])
        return tuple(now - before for now, before in zip(self.onsets, ends, strict=True))

    def cycle(self, lead_hand="R"):
        """Primaries of one whole cycle: list of ``(onset_beats, Stroke, lead_index, lead_hand)``."""
        out = []
        for lead, hand in enumerate((lead_hand, other_hand(lead_hand))[: 2 if self.alternates else 1]):
            mirror = hand != self.strokes[0].hand
            for onset, stroke in zip(self.onsets, self.strokes, strict=True):
                played = stroke.mirrored() if mirror else stroke
                out.append((onset + lead * self.lead_beats, played, lead, hand))
        return out


@cache
def load(directory=DEFINITIONS_DIR):
    """All forms by name, main forms and variants, in order of number.

    Returns: dict of ``slug`` or ``slug:variant`` to :class:`Rudiment`.
    Raises: DefinitionError naming every problem of every file.
    """
    forms, problems, numbers = {}, [], {}
    for path in sorted(Path(directory).glob("*.toml")):
        try:
            family = _read(path)
        except DefinitionError as error:
            problems.append(str(error))
            continue
        number = family[0].number
        if number in numbers:
            problems.append(f"{path.name}: number {number} is already used by {numbers[number]}")
        numbers[number] = path.name
        forms.update((form.form, form) for form in family)
    if problems:
        raise DefinitionError("rudiment definitions can't be used:\n" + "\n".join(problems))
    return dict(sorted(forms.items(), key=lambda item: (item[1].number, item[1].variant or "")))


def main_forms():
    """The main forms, in order of number."""
    return [form for form in load().values() if form.variant is None]


def select(names):
    """Forms by name: ``slug``, ``slug:variant`` or ``slug:*`` for a rudiment with its variants.

    Returns: list of :class:`Rudiment`, in order of number, each once.
    Raises: UsageError naming every unknown name.
    """
    forms, chosen, problems = load(), set(), []
    for name in names:
        slug, _, variant = name.partition(":")
        if slug not in forms:
            problems.append(f"unknown rudiment {one_of(slug, [f for f in forms if ':' not in f])}")
        elif variant == "*":
            chosen.update(form for form in forms if form.partition(":")[0] == slug)
        elif name in forms:
            chosen.add(name)
        else:
            variants = [f.partition(":")[2] for f in forms if f.startswith(slug + ":")]
            text = one_of(variant, variants) if variants else f"{variant!r}; it has none"
            problems.append(f"unknown variant of {slug}: {text}")
    raise_all(problems)
    return [form for name, form in forms.items() if name in chosen]


def _read(path):
    match = _FILE_NAME.match(path.name)
    if not match:
        raise DefinitionError(f"{path.name}: name the file NUMBER_slug.toml, in small letters")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path.name}: not readable as TOML: {error}") from None
    problems = [f"unknown field {key!r}" for key in data if key not in _FIELDS]
    problems += [f"field {key!r} is missing" for key in sorted(_FIELDS - {"variants"} - set(data))]
    if problems:
        raise DefinitionError(f"{path.name}: " + "; ".join(problems))
    forms = [_form(path.name, data, match[1], None)]
    for variant in data.get("variants", []):
        if not {"name"} <= set(variant) <= {"name", *_VARIED}:
            raise DefinitionError(f"{path.name}: a variant has a name and may change {', '.join(_VARIED)}")
        merged = data | variant | {"name": data["name"]}
        if "tempo_bpm" not in variant:
            scale = min(parse_rhythm(merged["rhythm"])[1]) / min(forms[0].lengths)
            tempi = {name: max(int(bpm * scale), MIN_TEMPO_BPM) for name, bpm in data["tempo_bpm"].items()}
            merged["tempo_bpm"] = tempi
        forms.append(_form(f"{path.name}, variant {variant['name']}", merged, match[1], variant["name"]))
    return forms


def _form(where, data, slug, variant):
    try:
        strokes = parse_sticking(data["sticking"])
        onsets, lengths, total = parse_rhythm(data["rhythm"])
        groups = tuple((part.split(":")[0], int(part.split(":")[1])) for part in data["groups"].split())
        tempo = TempoRange(*(int(data["tempo_bpm"][field]) for field in _TEMPO_FIELDS))
    except (LookupError, ValueError) as error:
        raise DefinitionError(f"{where}: {error}") from None
    form = Rudiment(
        data["number"], slug, data["name"], data["category"], data["family"], variant,
        strokes, onsets, lengths, total, data["alternates"], data["metre"], groups, tempo,
    )  # fmt: skip
    if problems := list(_form_problems(form)):
        raise DefinitionError(f"{where}: " + "; ".join(problems))
    return form


def _form_problems(form):
    if len(form.onsets) != len(form.strokes):
        yield f"the rhythm has {len(form.onsets)} notes but the sticking {len(form.strokes)}"
        return
    if form.category not in CATEGORIES:
        yield f"unknown category {one_of(form.category, CATEGORIES)}"
    if sum(count for _, count in form.groups) != len(form.strokes):
        yield f"the groups cover {sum(n for _, n in form.groups)} of {len(form.strokes)} strokes"
    if not re.match(r"^[1-9]\d*/(1|2|4|8|16)$", form.metre):
        yield f"metre {form.metre!r} is not a time signature such as 2/4 or 6/8"
    tempo = form.tempo
    if not MIN_TEMPO_BPM <= tempo.min <= tempo.typical_low <= tempo.typical_high <= tempo.max:
        yield f"tempi must be {MIN_TEMPO_BPM} BPM or more and rise from min to max, not {tempo}"
        return
    limit = MAX_DOUBLES_PER_SECOND if any(s.diddle for s in form.strokes) else MAX_SINGLES_PER_SECOND
    slots_ms = [float(slot) * 60000 / tempo.max for slot in form.slots]
    if 1000 / min(slots_ms) > limit:
        yield f"at {tempo.max} BPM it needs {1000 / min(slots_ms):.1f} strokes a second; at most {limit}"
    for slot_ms, stroke in zip(slots_ms, form.strokes, strict=True):
        if slot_ms < MIN_SLOT_MS[stroke.graces]:
            yield f"at {tempo.max} BPM only {slot_ms:.0f} ms are left before a stroke with graces"


def form_name(slug, variant):
    """Name of a form: the slug, with the variant where it is not the main form."""
    return f"{slug}:{variant}" if variant else slug
