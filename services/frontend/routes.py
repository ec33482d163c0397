"""The frontend over HTTP: the framework for what is asked now and then, a fast route for messages."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from msgspec import UNSET, UnsetType
from pydantic import BeforeValidator

from libs.common.accept import (
    MAX_BODY,
    MAX_INT64,
    Accepted,
    Acceptor,
    Batch,
    BatchAcceptor,
    Body,
    Outcome,
    parse_batch,
    parse_body,
    parse_json,
)
from libs.common.auth import Caller, TokenVerifier, bearer
from libs.common.errors import Problem
from libs.common.http import FastRoute, as_problem, encode, whole_number
from libs.common.messages import Message
from libs.common.openapi import Answer, ProblemDocument, documented
from libs.common.problems import problem_document
from libs.common.shapes import AN_ID, Time, Uuid, shown
from libs.common.shapes import Number as SequenceNumber
from services.frontend.domain import ConversationRequest
from services.frontend.handlers import (
    Conversation,
    ConversationPage,
    Conversations,
    Messages,
    MessagesAscending,
    MessagesDescending,
    known_id,
)
from services.frontend.report import StatusReport

T = TypeVar("T")
Whole = BeforeValidator(whole_number)
Limit = Annotated[int, Query(ge=1, le=200), Whole]
Cursor = Annotated[str | None, Query(description="The `next_cursor` of the page before.")]
Since = Annotated[int, Query(ge=0, le=MAX_INT64, description="Only numbers above it."), Whole]
Before = Annotated[
    int | None, Query(ge=0, le=MAX_INT64, description="Only numbers below it, else from the newest."), Whole
]
Order = Annotated[Literal["asc", "desc"], Query(description="`desc` begins with the newest.")]
ConversationId = Annotated[str, Path(json_schema_extra={"format": "uuid", "examples": [AN_ID]})]
MessageId = Annotated[str, Path(json_schema_extra={"format": "uuid", "examples": [AN_ID]})]


class ReadRequest(msgspec.Struct, frozen=True):
    sequence_number: SequenceNumber


class ReadAnswer(msgspec.Struct, frozen=True):
    conversation_id: Uuid
    status: Literal["READ"]
    sequence_number: SequenceNumber


class AcceptedAnswer(msgspec.Struct, frozen=True):
    message_id: Uuid
    conversation_id: Uuid
    accepted_at: Time
    status: Literal["ACCEPTED"]


class BatchItem(msgspec.Struct, frozen=True):
    """Accepted, or with the `problem` for which it alone is refused."""

    message_id: Uuid | UnsetType = UNSET
    conversation_id: Uuid | UnsetType = UNSET
    accepted_at: Time | UnsetType = UNSET
    status: Literal["ACCEPTED"] | UnsetType = UNSET
    problem: ProblemDocument | UnsetType = UNSET


class BatchAnswer(msgspec.Struct, frozen=True):
    """`items` are in the order of the messages."""

    items: list[
        Annotated[
            BatchItem,
            shown(anyOf=[{"required": [*AcceptedAnswer.__struct_fields__]}, {"required": ["problem"]}]),
        ]
    ]


_conversation_request = msgspec.json.Decoder(ConversationRequest)
_read_request = msgspec.json.Decoder(ReadRequest)

SENDING = {
    "text": {
        "conversation_id": "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10",
        "payload": {"type": "text", "text": "hi"},
    },
    "location, safe to repeat": {
        "message_id": "6a1f1f0e-35c0-4f8e-a3a8-0b8f6a1d2c3e",
        "conversation_id": "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10",
        "to": ["ben"],
        "payload": {"type": "location", "latitude": 48.2, "longitude": 16.37, "name": "here"},
        "metadata": {"order": 66},
    },
}


def accept_route(verifier: TokenVerifier, acceptor: Acceptor) -> FastRoute:
    """`POST /v1/messages`: the hot path, outside the framework."""

    @documented(
        "Send a message",
        tag="Messages",
        description="The answer means that it is durable. The same `message_id` again is stored and delivered once.",
        body=Body,
        answers={202: AcceptedAnswer},
        problems={
            403: ("from_mismatch",),
            404: ("not_found",),
            409: ("message_id_conflict",),
            422: ("not_a_member", "unknown_channel", "files_not_available"),
        },
        examples=SENDING,
    )
    async def send_message(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        token = bearer(headers)
        caller = verifier.known(token) or await verifier.verify(token)
        require_json(headers.get(b"content-type", b""))
        accepted = await acceptor.accept_message(caller.username, parse_body(body))
        return 202, encode(_accepted(accepted))

    return send_message


def batch_route(verifier: TokenVerifier, acceptor: BatchAcceptor) -> FastRoute:
    """`POST /v1/messages/batch`: 202 with an item for each message, in their order, accepted or with its problem.

    503 for the whole batch only where a dependency is why none of them was accepted; the same ids make the retry safe.
    """

    @documented(
        "Send up to 100 messages",
        tag="Messages",
        description="Each is accepted or refused alone, in the order given. At most 1 MiB.",
        body=Batch,
        answers={202: BatchAnswer},
        examples={"two": {"messages": list(SENDING.values())}},
    )
    async def send_messages(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        token = bearer(headers)
        caller = verifier.known(token) or await verifier.verify(token)
        require_json(headers.get(b"content-type", b""))
        outcomes = await acceptor.accept_messages(caller.username, parse_batch(body))
        return 202, encode({"items": [_batch_item(index, one) for index, one in enumerate(outcomes)]})

    return send_messages


def _batch_item(index: int, outcome: Outcome) -> object:
    if isinstance(outcome, Accepted):
        return _accepted(outcome)
    return {"problem": problem_document(as_problem(outcome), f"/v1/messages/batch#/messages/{index}")}


def _accepted(outcome: Accepted) -> AcceptedAnswer:
    return AcceptedAnswer(outcome.message_id, outcome.conversation_id, outcome.accepted_at, "ACCEPTED")


def require_json(content_type: bytes) -> None:
    if content_type != b"application/json" and content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise Problem(415, "unsupported_media_type", "The body must be application/json.")


def conversation_routes(conversations: Conversations, acceptor: Acceptor) -> APIRouter:
    router = APIRouter(prefix="/v1/conversations")

    @router.post("")
    @documented(
        "Open a conversation",
        tag="Conversations",
        body=ConversationRequest,
        answers={201: Conversation, 200: Answer(Conversation, "The pair had one already.")},
        problems={422: ("unknown_member",)},
        examples={
            "private": {"type": "private", "members": ["ben"]},
            "group": {"type": "group", "title": "lunch", "members": ["ben", "cho"]},
        },
    )
    async def open_conversation(request: Request, caller: Caller) -> Response:
        asked = await _read_json(request, _conversation_request)
        conversation, is_new = await conversations.open_conversation(caller.username, asked)
        return _answer(conversation, 201 if is_new else 200)

    @router.get("")
    @documented("One's conversations, newest activity first", tag="Conversations", answers={200: ConversationPage})
    async def list_conversations(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return _answer(await conversations.list_conversations(caller.username, limit, cursor))

    @router.get("/{conversation_id}")
    @documented("A conversation", tag="Conversations", answers={200: Conversation})
    async def show_conversation(conversation_id: ConversationId, caller: Caller) -> Response:
        return _answer(await conversations.show_conversation(caller.username, conversation_id))

    @router.post("/{conversation_id}/read")
    @documented(
        "Mark as read up to a number",
        tag="Conversations",
        body=ReadRequest,
        answers={202: ReadAnswer},
        examples={"up to 7": {"sequence_number": 7}},
    )
    async def mark_read(conversation_id: ConversationId, request: Request, caller: Caller) -> Response:
        conversation_id = known_id(conversation_id, "conversation")
        number = (await _read_json(request, _read_request)).sequence_number
        await acceptor.accept_receipt(caller.username, conversation_id, "READ", number)
        return _answer(ReadAnswer(conversation_id, "READ", number), 202)

    return router


def message_routes(messages: Messages) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/conversations/{conversation_id}/messages")
    @documented(
        "History",
        tag="Messages",
        description="Upwards from `since`, or downwards from `before`. What comes as `next_…` goes into the next call.",
        answers={200: (MessagesAscending, MessagesDescending)},
    )
    async def list_messages(
        conversation_id: ConversationId,
        caller: Caller,
        order: Order = "asc",
        since: Since = 0,
        before: Before = None,
        limit: Limit = 50,
    ) -> Response:
        page = messages.list_descending if order == "desc" else messages.list_ascending
        return _answer(await page(caller.username, conversation_id, since, before, limit))

    @router.get("/messages/{message_id}")
    @documented("A message", tag="Messages", answers={200: Message})
    async def show_message(message_id: MessageId, caller: Caller) -> Response:
        return _answer(await messages.show_message(caller.username, message_id))

    @router.get("/messages/{message_id}/status")
    @documented(
        "What became of a message",
        tag="Messages",
        description="Right after a 202 it waits up to 2 s for the message to be stored, then answers 404 or 503.",
        answers={200: StatusReport},
    )
    async def show_status(message_id: MessageId, caller: Caller) -> Response:
        return _answer(await messages.show_status(caller.username, message_id))

    return router


async def _read_json(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    require_json(request.headers.get("content-type", "").encode("latin-1"))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            break
    return parse_json(decoder, bytes(body))


def _answer(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")
