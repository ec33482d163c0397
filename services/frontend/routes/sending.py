"""What sends, without the framework: a message, a plan of one, a batch."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from libs.common.accept import Accepted, Acceptor, Batch, BatchAcceptor, Body, Outcome, parse_batch, parse_body
from libs.common.auth import TokenVerifier, bearer
from libs.common.http import FastRoute, as_problem, encode
from libs.common.openapi import ProblemDocument, documented
from libs.common.problems import problem_document
from libs.common.routes import require_json
from libs.common.shapes import AN_ID, Time, Uuid, shown
from services.frontend.plan import Plan
from services.frontend.planning import Planning


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


SENDING = {
    "text": {
        "conversation_id": "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10",
        "payload": {"type": "text", "text": "hi"},
    },
    "file": {
        "conversation_id": "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10",
        "payload": {
            "type": "file",
            "file_id": AN_ID,
            "caption": "the view from up here",
        },
    },
    "to sockets, and to WhatsApp if not there within a minute": {
        "conversation_id": "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10",
        "payload": {"type": "text", "text": "Your table is ready."},
        "route": [{"channel": "internal", "until": "DELIVERED", "after_s": 60}, {"channel": "whatsapp"}],
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
            422: ("not_a_member", "unknown_channel", "file_not_completed"),
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


def plan_route(verifier: TokenVerifier, planning: Planning) -> FastRoute:
    """`POST /v1/messages/plan`: 200 with what would become of the message; nothing of it is stored."""

    @documented(
        "See where a message would go",
        tag="Messages",
        description="The same body as a message, which is neither stored nor sent: for each recipient and channel "
        "whether it would go, by which account, what would be adapted, and why not.",
        body=Body,
        answers={200: Plan},
        problems={
            403: ("from_mismatch",),
            404: ("not_found",),
            422: ("not_a_member", "unknown_channel", "file_not_completed"),
        },
        examples=SENDING,
    )
    async def plan_message(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        token = bearer(headers)
        caller = verifier.known(token) or await verifier.verify(token)
        require_json(headers.get(b"content-type", b""))
        return 200, encode(await planning.plan(caller.username, parse_body(body)))

    return plan_message


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
        examples={"several": {"messages": list(SENDING.values())}},
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
