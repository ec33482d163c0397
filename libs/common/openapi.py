"""How a route is declared, so that the OpenAPI document says of it what its signature cannot.

`@documented(…)` stands beneath the framework's decorator, or above a fast route, and costs nothing when it is called:

    @router.post("")
    @documented(
        "Open a conversation",
        tag="Conversations",
        body=ConversationRequest,
        answers={201: Conversation, 200: Answer(Conversation, "The pair had one already.")},
        problems={422: ("unknown_member",)},
    )
    async def open_conversation(request: Request, caller: Caller) -> Response: ...

Shapes are msgspec structs or pydantic models; what the code checks itself is shown by `libs.common.shapes.shown`.
Parameters of path and query come from the signature. What is the same everywhere is not said: the request id, 400, 503,
with a body 413, 415 and `invalid_field`, with an id in the path 404, without `public` 401. `make openapi` writes the
document anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """`shape` is None for no content, a tuple for one of several; `headers` are names and what they say."""

    shape: Any = None
    description: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """`problems` are the codes beyond those of every route; `takes` the media types in which the body may come."""

    summary: str
    tag: str
    answers: Mapping[int, Any]
    body: Any = None
    problems: Mapping[int, Sequence[str]] = field(default_factory=dict)
    description: str = ""
    examples: Mapping[str, Any] = field(default_factory=dict)
    takes: Sequence[str] = (JSON,)
    public: bool = False


class FieldFault(msgspec.Struct, frozen=True):
    """`pointer` is a JSON Pointer into the body; under `/query` it names a parameter of the address."""

    pointer: str
    detail: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. `code` is stable: programs decide by it. `errors` says which fields are wrong.

    `retry_after` is in seconds, as in the header of that name.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    trace_id: str
    instance: str | None = None
    retry_after: int | None = None
    errors: list[FieldFault] = []


_ATTRIBUTE = "operation"


def documented(summary: str, *, tag: str, answers: Mapping[int, Any], **more: Any) -> Callable[[Function], Function]:
    """The fields of `Operation`, kept beside the function."""
    operation = Operation(summary, tag, answers, **more)

    def declare(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, operation)
        return function

    return declare


def operation_of(function: Callable[..., Any]) -> Operation | None:
    found: Operation | None = getattr(function, _ATTRIBUTE, None)
    return found
