"""JSON Schemas of msgspec types, as both documents show them."""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

REFERENCE = "#/components/schemas/{name}"


def schemas_of(kinds: Iterable[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """(the schema of each, the components to which they refer)"""
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    for component in components.values():
        if words := component.get("description"):
            component["description"] = inspect.cleandoc(words)
    return schemas, components
