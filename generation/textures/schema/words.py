"""Types of configuration values, and what is wrong with one in a sentence.

Conventions: every field of a :class:`Model` may be left out and is None then; those in ``REQUIRED`` are
named when they are missing. So the fields that are right can be checked further beside those that are not,
and all problems are told at once. Places are as in ``params[1]``, empty for the top of a file.
"""

import math
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from sousa.generation.errors import one_of


class Model(BaseModel):
    """A mapping of keys in a configuration file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    REQUIRED: ClassVar[tuple] = ()
    # keys that are read and not used, so not offered as the right name of a wrong one
    IGNORED: ClassVar[tuple] = ()

    def given(self, key):
        """Whether the file has this key, null or not."""
        return key in self.model_fields_set


_LARGEST = 10**18


def _whole(value):
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("give a number of a sensible size")
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def _number(value):
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
    "string_unicode": "text in Unicode",
}  # fmt: skip


def shown(value):
    """A value in a sentence, as a file would have it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (dict, list, tuple)):
        return ("a mapping" if isinstance(value, dict) else "a list") if value else "empty"
    text = f"{value:.12g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def at(place, key=""):
    """``params[1]: key`` or, at the top of a file, the key."""
    return ": ".join(part for part in (place, str(key)) if part)


def validated(model, data, place, problems):
    """A model of what is right in a mapping; the rest is added to ``problems`` and None in it.

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
    problems += [_sentence(one, place, model) for one in found]
    wrong = {one["loc"][0] for one in found}
    return model.model_validate({key: value for key, value in data.items() if key not in wrong})


def _sentence(error, place, model):
    key, *rest = error["loc"]
    if error["type"] == "extra_forbidden":
        known = [name for name in model.model_fields if name not in model.IGNORED]
        return at(place, f"unknown key {one_of(key, known)}")
    key = str(key) + "".join(f"[{part}]" for part in rest)
    wanted = _WANTED.get(error["type"])
    if error["type"] == "value_error":
        said = str(error["ctx"]["error"])
    else:
        said = f"give {wanted}" if wanted else error["msg"]
    return f"{at(place, key)} is {shown(error['input'])}; {said}"


_NUMBERS = TypeAdapter(list[Number], config=ConfigDict(strict=True, allow_inf_nan=False))


def numbers(values, place, problems):
    """A list of numbers as floats, or None with a sentence for each that is none."""
    try:
        return _NUMBERS.validate_python(values)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            wrong = one["ctx"]["error"] if one["type"] == "value_error" else f"give {_WANTED[one['type']]}"
            problems.append(f"{place} is {shown(one['input'])}; {wrong}")
    return None


def number(value, place, problems):
    """A number as a float, or None with a sentence."""
    found = numbers([value], place, problems)
    return found and found[0]


def chosen(*allowed):
    """A validator of text that is one of a few words, in any case: the word."""

    def check(value):
        word = str(value).strip().lower().replace("-", "_").replace(" ", "_")
        if not isinstance(value, str) or word not in allowed:
            raise ValueError(f"choose from {', '.join(allowed)}")
        return word

    return BeforeValidator(check)
