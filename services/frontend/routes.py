"""The frontend over HTTP: the framework for what is asked now and then, a fast route for messages."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from libs.common.accept import (
    MAX_BODY,
    MAX_INT64,
    Accepted,
    Acceptor,
    BatchAcceptor,
    Outcome,
    parse_batch,
    parse_body,
    parse_json,
)
from libs.common.auth import Caller, TokenVerifier, bearer
from libs.common.errors import Problem
from libs.common.http import FastRoute, as_problem, encode
from libs.common.problems import problem_document
from services.frontend.domain import ConversationRequest
from services.frontend.handlers import Conversations, Messages, known_id

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=200)]
Number = Annotated[int, Query(ge=0, le=MAX_INT64)]


class ReadRequest(msgspec.Struct, frozen=True):
    sequence_number: int


class AcceptedAnswer(msgspec.Struct, frozen=True):
    message_id: str
    conversation_id: str
    accepted_at: str
    status: str = "ACCEPTED"


_conversation_request = msgspec.json.Decoder(ConversationRequest)
_read_request = msgspec.json.Decoder(ReadRequest)


def accept_route(verifier: TokenVerifier, acceptor: Acceptor) -> FastRoute:
    """`POST /v1/messages`: the hot path, outside the framework."""

    async def accept(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        token = bearer(headers)
        caller = verifier.known(token) or await verifier.verify(token)
        require_json(headers.get(b"content-type", b""))
        accepted = await acceptor.accept_message(caller.username, parse_body(body))
        return 202, encode(AcceptedAnswer(accepted.message_id, accepted.conversation_id, accepted.accepted_at))

    return accept


def batch_route(verifier: TokenVerifier, acceptor: BatchAcceptor) -> FastRoute:
    """`POST /v1/messages/batch`: 202 with an item for each message, in their order, accepted or with its problem.

    503 for the whole batch only where a dependency is why none of them was accepted; the same ids make the retry safe.
    """

    async def accept(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        token = bearer(headers)
        caller = verifier.known(token) or await verifier.verify(token)
        require_json(headers.get(b"content-type", b""))
        outcomes = await acceptor.accept_messages(caller.username, parse_batch(body))
        return 202, encode({"items": [_batch_item(index, one) for index, one in enumerate(outcomes)]})

    return accept


def _batch_item(index: int, outcome: Outcome) -> object:
    if isinstance(outcome, Accepted):
        return AcceptedAnswer(outcome.message_id, outcome.conversation_id, outcome.accepted_at)
    return {"problem": problem_document(as_problem(outcome), f"/v1/messages/batch#/messages/{index}")}


def require_json(content_type: bytes) -> None:
    if content_type != b"application/json" and content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise Problem(415, "unsupported_media_type", "The body must be application/json.")


def conversation_routes(conversations: Conversations, acceptor: Acceptor) -> APIRouter:
    router = APIRouter(prefix="/v1/conversations")

    @router.post("")
    async def open_conversation(request: Request, caller: Caller) -> Response:
        asked = await _read_json(request, _conversation_request)
        conversation, is_new = await conversations.open_conversation(caller.username, asked)
        return _answer(conversation, 201 if is_new else 200)

    @router.get("")
    async def list_conversations(caller: Caller, limit: Limit = 50, cursor: str | None = None) -> Response:
        return _answer(await conversations.list_conversations(caller.username, limit, cursor))

    @router.get("/{conversation_id}")
    async def show_conversation(conversation_id: str, caller: Caller) -> Response:
        return _answer(await conversations.show_conversation(caller.username, conversation_id))

    @router.post("/{conversation_id}/read")
    async def mark_read(conversation_id: str, request: Request, caller: Caller) -> Response:
        conversation_id = known_id(conversation_id, "conversation")
        number = (await _read_json(request, _read_request)).sequence_number
        await acceptor.accept_receipt(caller.username, conversation_id, "READ", number)
        return _answer({"conversation_id": conversation_id, "status": "READ", "sequence_number": number}, 202)

    return router


def message_routes(messages: Messages) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/conversations/{conversation_id}/messages")
    async def list_messages(
        conversation_id: str,
        caller: Caller,
        order: Literal["asc", "desc"] = "asc",
        since: Number = 0,
        before: Number | None = None,
        limit: Limit = 50,
    ) -> Response:
        page = messages.list_descending if order == "desc" else messages.list_ascending
        return _answer(await page(caller.username, conversation_id, since, before, limit))

    @router.get("/messages/{message_id}")
    async def show_message(message_id: str, caller: Caller) -> Response:
        return _answer(await messages.show_message(caller.username, message_id))

    @router.get("/messages/{message_id}/status")
    async def show_status(message_id: str, caller: Caller) -> Response:
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
