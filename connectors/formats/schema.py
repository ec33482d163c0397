"""Holds a JSON value against a JSON Schema (2020-12), and names each field that breaks a rule of it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jsonschema_rs

from connectors.formats.shapes import Rule, Wrong

RULES: Mapping[str, Rule] = {
    "required": "missing",
    "additionalProperties": "unknown",
    "falseSchema": "together",
    "oneOf": "together",
    "anyOf": "together",
    "type": "type",
    "minLength": "length",
    "maxLength": "length",
    "maxBytes": "length",
    "pattern": "form",
    "format": "form",
    "enum": "choice",
    "const": "choice",
    "minItems": "items",
    "maxItems": "items",
    "minimum": "range",
    "maximum": "range",
}
"""Keyword → rule. Others are no part of our schemas: a schema that has one fails where it is first broken."""


class MaxBytes:
    """`maxBytes`: so long may a text be in UTF-8. JSON Schema itself counts characters alone."""

    def __init__(self, parent: Any, value: Any, path: Any) -> None:
        self._most: int = value

    def validate(self, instance: Any) -> None:
        if isinstance(instance, str) and len(instance.encode()) > self._most:
            raise ValueError(f"at most {self._most} bytes")


class Schemas:
    """The definitions of one document, each to be held against values by its name in `$defs`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._validator = cache(self._compile)

    def check(self, name: str, value: Any) -> list[Wrong]:
        """Nothing where the value is what the definition says. Paths are such as `message.quick_replies.0.title`."""
        return [wrong for error in self._validator(name).iter_errors(value) for wrong in _wrong(error)]

    def _compile(self, name: str) -> jsonschema_rs.Validator:
        """At first use: a process that holds few values against them does not carry all."""
        return jsonschema_rs.validator_for(
            {"$ref": f"#/$defs/{name}", "$defs": self.document["$defs"]},
            keywords={"maxBytes": MaxBytes},
            validate_formats=True,
        )


def _wrong(error: jsonschema_rs.ValidationError) -> Iterator[Wrong]:
    rule, at = RULES[error.kind.name], error.instance_path
    kind: Any = error.kind
    if error.kind.name == "required":
        yield Wrong(_path([*at, kind.property]), rule)
    elif error.kind.name == "additionalProperties":
        yield from (Wrong(_path([*at, name]), rule) for name in kind.unexpected)
    else:
        yield Wrong(_path(at), rule, "" if rule == "together" else error.message)


def _path(steps: Sequence[str | int]) -> str:
    return ".".join(map(str, steps))
