"""Bodies as auth takes them: JSON or a form, in fields that are checked."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError

from libs.common.errors import Problem, invalid, malformed

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

Shape = TypeVar("Shape", bound=BaseModel)


def shown(**schema: Any) -> Any:
    """JSON Schema for the documents; the checking is `valid`'s."""
    return Field(json_schema_extra=schema)


def valid(fault_of: Callable[[str], str | None]) -> AfterValidator:
    def check(value: str) -> str:
        if fault := fault_of(value):
            raise PydanticCustomError("invalid_field", "{fault}", {"fault": fault})
        return value

    return AfterValidator(check)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def json_only(request: Request) -> None:
    """Runs before the framework's own verdict on the body, which would be 422 for both."""
    if _content_type(request) != JSON:
        raise _unsupported(JSON)
    if not await request.body():
        raise malformed("The body is empty.")


def _unsupported(expected: str) -> Problem:
    return Problem(415, "unsupported_media_type", f"The body must be {expected}.")


async def fields_of(request: Request) -> dict[str, Any]:
    """The body's fields, whether it is JSON or a form."""
    match _content_type(request):
        case "application/json":
            return _json_fields(await request.body())
        case "application/x-www-form-urlencoded":
            return _form_fields(await request.body())
    raise _unsupported(f"{JSON} or {FORM}")


def _json_fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise malformed("The body is not valid JSON.") from error
    if not isinstance(fields, dict):
        raise invalid("", "The body must be an object.")
    return fields


def _form_fields(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise malformed("The body is not a valid form.") from error
    if len(pairs) != len(dict(pairs)):
        raise malformed("A field of the form is repeated.")
    return dict(pairs)


def read(shape: type[Shape], fields: Mapping[str, Any]) -> Shape:
    """Raises the framework's own error, which becomes a 422 that points at the field."""
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in error.errors()]) from error
