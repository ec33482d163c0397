"""What the Telegram Bot API takes, answers and sends, as its published description says (https://core.telegram.org/bots/api).

Lengths are in Unicode code points, as Telegram counts them. The descriptions are data: `telegram.json` from a published
specification, `telegram-rules.json` for what that says in prose only.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from connectors.formats.shapes import Description, Field, Rules, Shapes, Upload, Wrong

HERE = Path(__file__).parent
SHAPES = Shapes(
    msgspec.json.decode((HERE / "telegram.json").read_bytes(), type=Description),
    msgspec.json.decode((HERE / "telegram-rules.json").read_bytes(), type=Rules),
)
METHODS = tuple(SHAPES.description.methods)
UPDATE_KINDS = tuple(name for name in SHAPES.description.types["Update"].fields if name != "update_id")
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


def check_request(method: str, parameters: Mapping[str, Any]) -> list[Wrong]:
    """Every field that the platform would not take; a file of the request stands in `parameters` as an `Upload`.

    `parameters` are JSON values (those of a form go through `decode_form` first).
    """
    known = SHAPES.description.methods.get(method)
    if known is None:
        return [Wrong("", "method", method)]
    return list(SHAPES.check_fields(method, known.fields, parameters))


def check_update(update: Mapping[str, Any]) -> list[Wrong]:
    """Every field in which this is not an Update as the platform sends it."""
    return SHAPES.check_types(("Update",), update, "")


def check_answer(method: str, result: Any) -> list[Wrong]:
    """Every field in which `result` is not what the method returns."""
    return SHAPES.check_types(SHAPES.description.methods[method].returns, result, "")


def decode_form(method: str, fields: Mapping[str, str | Upload]) -> dict[str, Any]:
    """The values of a form as the JSON values they stand for; what does not read as its type stays as it is."""
    known = SHAPES.description.methods.get(method)
    types: Mapping[str, Field] = known.fields if known else {}
    return {
        name: _decode(types[name].types, value) if name in types and isinstance(value, str) else value
        for name, value in fields.items()
    }


def _decode(types: tuple[str, ...], value: str) -> Any:
    if "String" in types:
        return value
    if types == ("Boolean",):
        return True if value.lower() in TRUE else False if value.lower() in FALSE else value
    try:
        return json.loads(value)
    except ValueError:
        return value
