"""Holds a JSON value against a description of methods and types, and names each field that breaks a rule."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

Rule = Literal[
    "method", "unknown", "missing", "type", "length", "range", "form", "choice", "items", "size", "together", "encoding"
]
INTEGER_BOUND = 2**63


class Wrong(NamedTuple):
    """`field` is a path such as `reply_parameters.message_id` or `reply_markup.inline_keyboard.0.0.text`."""

    field: str
    rule: Rule
    detail: str = ""


class Upload(NamedTuple):
    """A file that comes as a part of the request itself."""

    filename: str
    size: int
    content_type: str = "application/octet-stream"


class Field(msgspec.Struct, frozen=True):
    """`types` are alternatives; a type that the description lacks is any object."""

    types: tuple[str, ...]
    required: bool = False
    choice: tuple[str, ...] = ()


class Type(msgspec.Struct, frozen=True):
    """Either fields, or the types that it may be instead."""

    fields: dict[str, Field] = {}
    subtypes: tuple[str, ...] = ()


class Method(msgspec.Struct, frozen=True):
    returns: tuple[str, ...]
    fields: dict[str, Field] = {}


class Description(msgspec.Struct, frozen=True):
    methods: dict[str, Method]
    types: dict[str, Type]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"also": "or"}):
    """What prose says of one field; `also` are numbers outside `range` that are right as well."""

    length: tuple[int, int] | None = None
    trimmed: bool = False
    bytes: tuple[int, int] | None = None
    range: tuple[float, float] | None = None
    also: tuple[float, ...] = ()
    pattern: str | None = None
    choice: tuple[str, ...] = ()
    items: tuple[int, int] | None = None
    names_of: str | None = None
    size: tuple[int, int] | None = None


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`together`: of each group of an object's fields exactly one is there."""

    fields: dict[str, Limits]
    together: dict[str, tuple[tuple[str, ...], ...]]

    def of(self, owner: str, name: str) -> Limits:
        return self.fields.get(f"{owner}.{name}") or self.fields.get(f"*.{name}") or Limits()


@dataclass(frozen=True)
class Shapes:
    description: Description
    rules: Rules

    def check_fields(
        self, owner: str, fields: Mapping[str, Field], value: Mapping[str, Any], at: str = ""
    ) -> Iterator[Wrong]:
        yield from (Wrong(f"{at}{name}", "unknown") for name in value if name not in fields)
        for name, field in fields.items():
            if name in value:
                yield from self._check_field(owner, name, field, value[name], f"{at}{name}")
            elif field.required:
                yield Wrong(f"{at}{name}", "missing")
        for group in self.rules.together.get(owner, ()):
            if sum(name in value for name in group) != 1:
                yield Wrong(f"{at}{group[0]}", "together", f"exactly one of {', '.join(group)}")

    def check_types(self, types: tuple[str, ...], value: Any, at: str) -> list[Wrong]:
        """Nothing where one of the alternatives fits; else what the nearest one lacks."""
        tried = [list(self._check_type(each, value, at)) for each in types]
        fitting = [wrong for wrong in tried if not any(w.field == at and w.rule == "type" for w in wrong)]
        if not fitting:
            return [Wrong(at, "type", " or ".join(types))]
        return min(fitting, key=len)

    def _check_field(self, owner: str, name: str, field: Field, value: Any, at: str) -> Iterator[Wrong]:
        wrong = self.check_types(field.types, value, at)
        yield from wrong
        if not wrong:
            limits = self.rules.of(owner, name)
            yield from self._check_limits(limits, field.choice or limits.choice, value, at)

    def _check_type(self, name: str, value: Any, at: str) -> Iterator[Wrong]:
        if name.startswith("Array of "):
            yield from self._check_array(name.removeprefix("Array of "), value, at)
        elif name in SCALARS:
            yield from _check_scalar(name, value, at)
        elif not isinstance(value, Mapping):
            yield Wrong(at, "type", name)
        elif (known := self.description.types.get(name)) is None:
            return
        elif known.subtypes:
            yield from self.check_types(known.subtypes, value, at)
        else:
            yield from self.check_fields(name, known.fields, value, f"{at}." if at else "")

    def _check_array(self, item: str, value: Any, at: str) -> Iterator[Wrong]:
        if not isinstance(value, list | tuple):
            yield Wrong(at, "type", f"Array of {item}")
            return
        for index, each in enumerate(value):
            yield from self.check_types((item,), each, f"{at}.{index}" if at else str(index))

    def _check_limits(self, limits: Limits, choice: tuple[str, ...], value: Any, at: str) -> Iterator[Wrong]:
        if isinstance(value, str):
            yield from _check_text(limits, choice, value, at)
        elif isinstance(value, int | float) and limits.range and value not in limits.also:
            if not limits.range[0] <= value <= limits.range[1]:
                yield Wrong(at, "range", f"{limits.range[0]:.0f} to {limits.range[1]:.0f}")
        elif isinstance(value, Upload) and limits.size is not None:
            if not limits.size[0] <= value.size <= limits.size[1]:
                yield Wrong(at, "size", f"{limits.size[0]} to {limits.size[1]} bytes")
        elif isinstance(value, list | tuple):
            yield from self._check_items(limits, list(value), at)

    def _check_items(self, limits: Limits, value: list[Any], at: str) -> Iterator[Wrong]:
        if limits.items and not limits.items[0] <= len(value) <= limits.items[1]:
            yield Wrong(at, "items", f"{limits.items[0]} to {limits.items[1]}")
        if limits.names_of:
            names = [n for n, f in self.description.types[limits.names_of].fields.items() if not f.required]
            yield from (
                Wrong(f"{at}.{index}", "choice", ", ".join(names)) for index, v in enumerate(value) if v not in names
            )


SCALARS = ("Integer", "Float", "String", "Boolean", "InputFile")


def _check_scalar(name: str, value: Any, at: str) -> Iterator[Wrong]:
    fits = {
        "Integer": isinstance(value, int) and not isinstance(value, bool),
        "Float": isinstance(value, int | float) and not isinstance(value, bool),
        "String": isinstance(value, str),
        "Boolean": isinstance(value, bool),
        "InputFile": isinstance(value, Upload),
    }
    if not fits[name]:
        yield Wrong(at, "type", name)
    elif name == "Integer" and not -INTEGER_BOUND <= value < INTEGER_BOUND:
        yield Wrong(at, "range", "64 bits")
    elif name == "String" and not _is_unicode(value):
        yield Wrong(at, "encoding", "UTF-8")


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in value)


def _check_text(limits: Limits, choice: tuple[str, ...], value: str, at: str) -> Iterator[Wrong]:
    counted = value.strip() if limits.trimmed else value
    if limits.length and not limits.length[0] <= len(counted) <= limits.length[1]:
        yield Wrong(at, "length", f"{limits.length[0]} to {limits.length[1]} characters")
    if limits.bytes and not limits.bytes[0] <= len(value.encode()) <= limits.bytes[1]:
        yield Wrong(at, "length", f"{limits.bytes[0]} to {limits.bytes[1]} bytes")
    if limits.pattern and not re.fullmatch(limits.pattern, value, re.ASCII):
        yield Wrong(at, "form", limits.pattern)
    if choice and value not in choice:
        yield Wrong(at, "choice", ", ".join(choice))
