"""What is asked now and then, with the framework: conversations, histories, statuses, channels."""

from collections.abc import Callable, Collection
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from libs.common.accept import MAX_INT64, Acceptor, known_id
from libs.common.auth import Caller
from libs.common.http import encode
from libs.common.messages import Message
from libs.common.openapi import Answer, documented
from libs.common.routes import Cursor, Limit, Whole, read_json
from libs.common.shapes import AN_ID, Uuid
from libs.common.shapes import Number as SequenceNumber
from services.frontend.channels import ChannelPage, show_channels
from services.frontend.domain import ConversationRequest
from services.frontend.handlers import (
    Conversation,
    ConversationPage,
    Conversations,
    Messages,
    MessagesAscending,
    MessagesDescending,
)
from services.frontend.report import StatusReport

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


_conversation_request = msgspec.json.Decoder(ConversationRequest)
_read_request = msgspec.json.Decoder(ReadRequest)


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
        asked = await read_json(request, _conversation_request)
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
        number = (await read_json(request, _read_request)).sequence_number
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
    @documented(
        "A message",
        tag="Messages",
        description="What you have just sent is waited for, up to 2 s.",
        answers={200: Message},
    )
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


def channel_routes(configured: Callable[[], Collection[str]]) -> APIRouter:
    """`configured` gives the channels that have an account, or raises `Unavailable`."""
    router = APIRouter(prefix="/v1/channels")

    @router.get("")
    @documented(
        "What each channel can do",
        tag="Channels",
        description="All in one answer, internal first: limits, files, statuses, who may write first, rates.",
        answers={200: ChannelPage},
    )
    async def list_channels(caller: Caller) -> Response:
        return _answer(show_channels(configured()))

    return router


def _answer(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")
