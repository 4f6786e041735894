"""What users write (options, configuration files, settings of a training run) as checked models.

Conventions: every field of a :class:`Model` may be left out; those in ``REQUIRED`` are named when they are
missing. A value that is wrong is left out of the model too, so what is right can be checked further beside
it and all problems are reported together. Places are as in ``params[1]``, empty for the top of a file.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from sousa.generation.errors import one_of
from sousa.generation.text import is_line


class Model(BaseModel):
    """A mapping of keys to values, as somebody wrote it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
    REQUIRED: ClassVar[tuple[str, ...]] = ()
    # keys that are read and not used, so not offered as the right name of a wrong one
    IGNORED: ClassVar[tuple[str, ...]] = ()

    def has(self, key: str) -> bool:
        """Whether a value was given for this key, null or not."""
        return key in self.model_fields_set


class ProblemsError(ValueError):
    """Raised by a validator with whole sentences about a value, which need no place before them."""


def _number(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > 10**18:  # perhaps too large for a float
        raise ValueError("give a number of a sensible size")
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else _number(value)


def _line(value: str) -> str:
    if not is_line(value):
        raise ValueError("give one line of text without control characters")
    return value


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Text = Annotated[str, Field(min_length=1), AfterValidator(_line)]

_WANTED = {
    "float_type": "a number", "int_type": "a whole number", "int_from_float": "a whole number",
    "string_type": "text", "string_too_short": "some text", "finite_number": "a finite number",
    "list_type": "a list", "tuple_type": "a list", "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "string_unicode": "text in Unicode", "bool_type": "true or false", "too_short": "at least one",
}  # fmt: skip
_KINDS = {int: "a whole number", float: "a number"}
_SIGNS = ("ge", "gt", "le")


def shown(value: object) -> str:
    """A value in a sentence, as a file would have it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (dict, list, tuple)):
        return ("a mapping" if isinstance(value, dict) else "a list") if value else "empty"
    text = f"{value:.12g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def at(place: str, key: object = "") -> str:
    """``params[1]: key`` or, at the top of a file, the key."""
    return ": ".join(part for part in (place, str(key)) if part)


def validated(
    model: type[Model], data: object, place: str, problems: list[str], word: Callable[[str], str] = str
) -> Any:
    """A model of what is right in a mapping, None when it is none; the rest is added to ``problems``.

    Args:
        word: what the user calls a key of the model.
    """
    if not isinstance(data, dict):
        problems.append(f"{place or 'the file'} is {shown(data)}; give a mapping of keys to values")
        return None
    data = {str(key): value for key, value in data.items()}
    if missing := [key for key in model.REQUIRED if data.get(key) is None]:
        problems.append(f"{at(place, 'missing key')}{'s' * (len(missing) > 1)} {', '.join(missing)}")
    try:
        return model.model_validate(data)
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
    wrong: set[Any] = set()
    for error in errors:
        key = error["loc"][0]
        if key not in wrong or not _alternatives(model, key):  # of several kinds of value, each says its own
            problems += _sentences(error, place, model, word)
        wrong.add(key)
    return model.model_validate({key: value for key, value in data.items() if key not in wrong})


def _alternatives(model: type[Model], key: Any) -> bool:
    return key in model.model_fields and len(_types(model.model_fields[key].annotation)) > 1


def _sentences(error: Any, place: str, model: type[Model], word: Callable[[str], str]) -> list[str]:
    key, *rest = error["loc"]
    kind = kind_of(model.model_fields[key].annotation) if rest else None
    if isinstance(kind, type) and issubclass(kind, Model):
        place = at(place, key) if error["type"] == "extra_forbidden" else place
        return _sentences({**error, "loc": rest}, place, kind, lambda name: f"{word(key)}.{name}")
    if error["type"] == "extra_forbidden":
        known = [name for name in model.model_fields if name not in model.IGNORED]
        return [at(place, f"unknown key {one_of(key, known)}")]
    parts = [] if _alternatives(model, key) else rest
    name = word(str(key)) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    if error["type"] == "value_error":
        advice = error["ctx"]["error"]
        if isinstance(advice, ProblemsError):
            return list(advice.args)
    elif limits := limits_of(model, str(key)):
        advice = f"give {limits}"
    elif words := words_of(model.model_fields[key].annotation):
        advice = f"choose from {', '.join(words)}"
    else:
        advice = f"give {_WANTED[error['type']]}" if error["type"] in _WANTED else error["msg"]
    return [f"{at(place, name)} is {shown(error['input'])}; {advice}"]


def limits_of(model: type[Model], key: str) -> str:
    """What a bounded number of a model may be, in words: ``a whole number from 1 to 100``; else empty.

    Words that may stand in its place follow: ``a number above 0, or single``.
    """
    field = model.model_fields[key]
    parts = [field, *field.metadata, *_parts(field.annotation)]
    bounds = {sign: getattr(part, sign) for part in parts for sign in _SIGNS if hasattr(part, sign)}
    kind = _KINDS.get(kind_of(field.annotation))
    if not bounds or kind is None:
        return ""
    extras = [getattr(part, "json_schema_extra", None) or {} for part in parts]
    unit = next((extra["unit"] for extra in extras if extra.get("unit")), "")
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le")
    top = "2^63 - 1" if high == 2**63 - 1 else high
    if "gt" in bounds:
        limits = f"{kind} above {low}" + (f", up to {top}" if top is not None else "")
    else:
        limits = f"{kind} from {low} to {top}" if top is not None else f"{kind} of {low} or more"
    return ", or ".join([f"{limits} {unit}".strip(), *words_of(field.annotation)])


def _parts(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is put together of, None left out, and what is said of them."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        for part in get_args(annotation):
            yield from _parts(part)
    elif annotation is not NoneType:
        yield annotation
        yield from getattr(annotation, "metadata", ())  # of a Field


def _types(annotation: Any) -> list[Any]:
    return [part for part in _parts(annotation) if isinstance(part, type) or part is Any or get_origin(part)]


def words_of(annotation: Any) -> list[str]:
    """The words that a value may be; none where it may be another text."""
    kinds = [kind for kind in _types(annotation) if get_origin(kind) is Literal]
    return [str(word) for kind in kinds for word in get_args(kind)]


def kind_of(annotation: Any) -> Any:
    """The type behind an annotation, None and limits put aside: int, float, str, bool, list, …"""
    kind = next(_parts(annotation))
    return get_origin(kind) or kind


_NUMBERS = TypeAdapter(list[Number], config=ConfigDict(strict=True, allow_inf_nan=False))


def numbers(values: object, place: str, problems: list[str]) -> list[float] | None:
    """A list of numbers as floats, or None with a sentence for each that is none."""
    try:
        return _NUMBERS.validate_python(values)
    except ValidationError as failure:
        for error in failure.errors(include_url=False):
            kind = error["type"]
            advice = error["ctx"]["error"] if kind == "value_error" else f"give {_WANTED[kind]}"
            problems.append(f"{place} is {shown(error['input'])}; {advice}")
    return None


def number(value: object, place: str, problems: list[str]) -> float | None:
    """A number as a float, or None with a sentence."""
    checked = numbers([value], place, problems)
    return checked[0] if checked else None


_ALLOWED = "allowed"


def chosen(*allowed: str) -> BeforeValidator:
    """A validator of text that is one of a few words, in any case: the word."""

    def check(value: object) -> str:
        word = str(value).strip().lower().replace("-", "_").replace(" ", "_")
        if not isinstance(value, str) or word not in allowed:
            raise ValueError(f"choose from {', '.join(allowed)}")
        return word

    return BeforeValidator(check)


def named(noun: str, allowed: Callable[[], Collection[str]] | Mapping[str, object]) -> BeforeValidator:
    """A validator of a list of names, all of them known; a single text stands for a list of one."""

    def check(value: object) -> object:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)):
            return value  # what else it should be, the type says
        known = allowed() if callable(allowed) else allowed
        if unknown := [f"unknown {noun} {one_of(name, known)}" for name in names if name not in known]:
            raise ProblemsError(*unknown)
        return list(names)

    setattr(check, _ALLOWED, allowed)
    return BeforeValidator(check)


def names_of(field: Any) -> list[str]:
    """The names that a field which was declared by :func:`named` may list; none for another one."""
    allowed = [getattr(getattr(part, "func", None), _ALLOWED, None) for part in field.metadata]
    known = next(filter(None, allowed), ())
    return list(known() if callable(known) else known)
