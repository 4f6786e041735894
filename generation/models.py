"""What users write (options, configuration files, settings of a training run) as checked models.

Conventions: every field of a :class:`Model` may be left out; those in ``REQUIRED`` are named when they are
missing. A value that is wrong is left out of the model too, so what is right can be checked further beside
it and all problems are reported together. Places are as in ``params[1]``, empty for the top of a file.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from sousa.generation.errors import one_of


class Model(BaseModel):
    """A mapping of keys to values, as somebody wrote it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
    REQUIRED: ClassVar[tuple[str, ...]] = ()
    # keys that are read and not used, so not offered as the right name of a wrong one
    IGNORED: ClassVar[tuple[str, ...]] = ()

    def given(self, key: str) -> bool:
        """Whether a value was given for this key, null or not."""
        return key in self.model_fields_set


class Told(ValueError):
    """Raised by a validator with whole sentences about a value, which need no place before them."""


_LARGEST = 10**18


def _whole(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("give a number of a sensible size")
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def _number(value: Any) -> Any:
    # a whole number too large for a float
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        raise ValueError("give a number of a sensible size")
    return value


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Text = Annotated[str, Field(min_length=1)]

_WANTED = {
    "float_type": "a number", "int_type": "a whole number", "int_from_float": "a whole number",
    "string_type": "text", "string_too_short": "some text", "finite_number": "a finite number",
    "list_type": "a list", "tuple_type": "a list", "dict_type": "a mapping of keys to values",
    "string_unicode": "text in Unicode", "bool_type": "true or false", "too_short": "at least one",
}  # fmt: skip
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


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
    """A model of what is right in a mapping; the rest is added to ``problems`` and left out.

    Args:
        word: what the user calls a key of the model.

    Returns: the model, or None when ``data`` is no mapping.
    """
    if not isinstance(data, dict):
        problems.append(f"{place or 'the file'} is {shown(data)}; give a mapping of keys to values")
        return None
    data = {str(key): value for key, value in data.items()}
    missing = [key for key in model.REQUIRED if data.get(key) is None]
    if missing:
        problems.append(
            f"{at(place, 'missing keys' if len(missing) > 1 else 'missing key')} {', '.join(missing)}"
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
    wrong: set[Any] = set()
    for one in found:
        key = one["loc"][0]
        if key not in wrong or not _alternatives(model, key):  # of several kinds of value, each says its own
            problems += _sentences(one, place, model, word)
        wrong.add(key)
    return model.model_validate({key: value for key, value in data.items() if key not in wrong})


def _sentences(error: Any, place: str, model: type[Model], word: Callable[[str], str]) -> list[str]:
    key, *rest = error["loc"]
    if error["type"] == "extra_forbidden":
        known = [name for name in model.model_fields if name not in model.IGNORED]
        return [at(place, f"unknown key {one_of(key, known)}")]
    raised = error["ctx"]["error"] if error["type"] == "value_error" else None
    if isinstance(raised, Told):
        return list(raised.args)
    name = word(str(key)) + "".join(f"[{part}]" for part in rest if not _alternatives(model, key))
    if raised is not None:
        said = str(raised)
    elif limits := limits_of(model, str(key)):
        said = f"give {limits}"
    elif words := _words(model.model_fields[key].annotation):
        said = f"choose from {', '.join(words)}"
    else:
        said = f"give {_WANTED[error['type']]}" if error["type"] in _WANTED else error["msg"]
    return [f"{at(place, name)} is {shown(error['input'])}; {said}"]


def limits_of(model: type[Model], key: str) -> str:
    """What a bounded number of a model may be, in words: ``a whole number from 1 to 100``; else empty.

    Words that may stand in its place follow: ``a number above 0, or single``.
    """
    field = model.model_fields[key]
    told = [field, *field.metadata, *_metadata(field.annotation)]
    bounds = {
        name: getattr(one, name)
        for one in told
        for name in ("ge", "gt", "le")
        if getattr(one, name, None) is not None
    }
    kind = _KINDS.get(kind_of(field.annotation), "")
    if not bounds or not kind:
        return ""
    extra = [
        one.json_schema_extra for one in told if isinstance(getattr(one, "json_schema_extra", None), dict)
    ]
    unit = next((one["unit"] for one in extra if one.get("unit")), "")
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le")
    top = "2^63 - 1" if high == 2**63 - 1 else high
    if "gt" in bounds:
        what = f"{kind} above {low}" + (f", up to {top}" if top is not None else "")
    else:
        what = f"{kind} from {low} to {top}" if top is not None else f"{kind} of {low} or more"
    return ", or ".join([f"{what} {unit}".strip(), *_words(field.annotation)])


def _inner(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation is put together of, None left out."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(one for one in get_args(annotation) if one is not NoneType)
    return get_args(annotation)[:1] if get_origin(annotation) is Annotated else ()


def _alternatives(model: type[Model], key: Any) -> bool:
    """Whether a key takes values of several kinds."""
    return key in model.model_fields and len(_inner(model.model_fields[key].annotation)) > 1


def _words(annotation: Any) -> list[str]:
    """The words that an annotation allows."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for inner in _inner(annotation) for word in _words(inner)]


def _metadata(annotation: Any) -> list[Any]:
    """What annotations inside an annotation say."""
    out: list[Any] = []
    for one in get_args(annotation)[1:] if get_origin(annotation) is Annotated else ():
        out += [one, *getattr(one, "metadata", [])]
    return out + [one for inner in _inner(annotation) for one in _metadata(inner)]


def kind_of(annotation: Any) -> Any:
    """The type behind an annotation, None and limits put aside: int, float, str, bool, list, …"""
    if get_origin(annotation) in (Union, UnionType):
        return kind_of(next(one for one in get_args(annotation) if one is not NoneType))
    if get_origin(annotation) is Annotated:
        return kind_of(get_args(annotation)[0])
    return get_origin(annotation) or annotation


_NUMBERS = TypeAdapter(list[Number], config=ConfigDict(strict=True, allow_inf_nan=False))


def numbers(values: object, place: str, problems: list[str]) -> list[float] | None:
    """A list of numbers as floats, or None with a sentence for each that is none."""
    try:
        return _NUMBERS.validate_python(values)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            wrong = one["ctx"]["error"] if one["type"] == "value_error" else f"give {_WANTED[one['type']]}"
            problems.append(f"{place} is {shown(one['input'])}; {wrong}")
    return None


def number(value: object, place: str, problems: list[str]) -> float | None:
    """A number as a float, or None with a sentence."""
    found = numbers([value], place, problems)
    return found[0] if found else None


def chosen(*allowed: str) -> BeforeValidator:
    """A validator of text that is one of a few words, in any case: the word."""

    def check(value: object) -> str:
        word = str(value).strip().lower().replace("-", "_").replace(" ", "_")
        if not isinstance(value, str) or word not in allowed:
            raise ValueError(f"choose from {', '.join(allowed)}")
        return word

    return BeforeValidator(check)


def named(noun: str, allowed: Callable[[], Iterable[str]] | Mapping[str, object]) -> BeforeValidator:
    """A validator of a list of names, all of them known; a single text stands for a list of one."""

    def check(value: object) -> object:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)):
            return value  # what else it should be, the type says
        known = list(allowed() if callable(allowed) else allowed)
        unknown = [f"unknown {noun} {one_of(name, known)}" for name in names if name not in known]
        if unknown:
            raise Told(*unknown)
        return list(names)

    return BeforeValidator(check)
