"""What a caller is told when something is wrong: every error as a problem, in our words."""

import logging
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from libs.common.errors import FieldError, Problem, Retry, Unavailable, malformed
from libs.common.problems import problem_document, title_of

log = logging.getLogger(__name__)
encode = msgspec.json.Encoder().encode
_WHOLE = re.compile(r"-?[0-9]{1,20}")


def as_problem(error: Exception) -> Problem:
    """What a caller is told of any error; whatever nobody foresaw is logged and is a 500 without its text."""
    match error:
        case Problem():
            return error
        case Unavailable():
            words = f"{error.dependency} does not answer; nothing is promised, try again."
            return Problem(503, f"{error.dependency.lower()}_unavailable", words, retry_after_s=1)
        case Retry():
            return Problem(503, "unavailable", str(error), retry_after_s=math.ceil(error.after_s))
        case RequestValidationError():
            return _invalid_request(error)
        case HTTPException():
            return framework_problem(error.status_code)
        case ClientDisconnect():
            return malformed("The body ended early.")
    log.error("a request failed", exc_info=error)
    return Problem(500, "internal_error", "Something went wrong on our side.")


def _invalid_request(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Problem(400, "malformed", "The body is not valid JSON.")
    fields = [FieldError(_pointer(e["loc"]), _in_our_words(e["type"], e.get("ctx", {}))) for e in error.errors()]
    return Problem(422, "invalid_field", f"{fields[0].pointer or 'body'}: {fields[0].detail}", errors=fields)


_WORDS = {
    "missing": "is required",
    "string_type": "must be a string",
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "must be an integer"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "must be true or false"),
    **dict.fromkeys(("model_attributes_type", "model_type", "dict_type"), "must be an object"),
    "list_type": "must be an array",
}


def _in_our_words(kind: str, limits: Mapping[str, Any]) -> str:
    match kind:
        case "invalid_field":  # a service's own check, in its own words
            return str(limits["fault"])
        case "greater_than_equal":
            return f"must be at least {limits['ge']}"
        case "less_than_equal":
            return f"must be at most {limits['le']}"
        case "literal_error" | "enum":
            return f"must be one of {limits.get('expected')}"
    return _WORDS.get(kind, "is not valid")


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = location[1:] if location and location[0] == "body" else location
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def framework_problem(status: int) -> Problem:
    if status == 400:
        return malformed("The body could not be read.")
    if status == 413:
        return too_large()
    codes = {404: "not_found", 415: "unsupported_media_type"}
    return Problem(status, codes.get(status, "http_error"), title_of(status) + ".")


def not_allowed(methods: Collection[str]) -> Problem:
    """`methods` are those that there are."""
    return Problem(405, "method_not_allowed", title_of(405) + ".", allow=methods)


def too_large() -> Problem:
    return Problem(413, "too_large", "The body is larger than 1 MiB.")


def problem_answer(problem: Problem, instance: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    headers = [(b"content-type", b"application/problem+json")]
    if problem.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if problem.retry_after_s is not None:
        headers.append((b"retry-after", str(problem.retry_after_s).encode()))
    if problem.allow:
        headers.append((b"allow", ", ".join(sorted(problem.allow)).encode()))
    return problem.status, encode(problem_document(problem, instance)), headers


def whole_number(said: object) -> object:
    """An integer of the query as it is usually written: the framework would take `1.0`, `+1` and `1_0` for one too."""
    if isinstance(said, str) and not _WHOLE.fullmatch(said):
        raise PydanticCustomError("int_parsing", "not an integer")
    return said
