"""The operators' calls: on the router's own port, never through the gateway, and for the role `operator` alone."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from libs.common.auth import Operator
from libs.common.errors import invalid, not_found
from libs.common.openapi import Answer, documented
from libs.common.routes import Cursor, Limit, private_answer, read_json
from libs.common.shapes import shown
from services.router.operators.channels import Board, ChannelList
from services.router.operators.handlers import Audit, DeadLetters
from services.router.operators.views import AuditPage, Counts, LetterId, LetterPage, Settled, SettledAll, WholeLetter

MOST_AT_ONCE = 100
MAX_NOTE = 500
OPEN = ("open", "replaying")
TAG = "Operators"
REFUSED = {403: ("not_an_operator",)}

Filter = Annotated[str | None, Query(max_length=300)]
Shown = Annotated[
    Literal["open", "replayed", "dropped", "all"], Query(description="`open`: nobody has replayed or dropped them.")
]
Id = Annotated[str, Path(max_length=300, json_schema_extra={"examples": ["message.events.dlq:3:17"]})]
Ids = Annotated[list[LetterId], shown(minItems=1, maxItems=MOST_AT_ONCE)]


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ids: Ids


class Edited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`body` takes the place of the letter's own, as showing it gives that; without it, it goes as it came."""

    body: Annotated[Any, shown("What the letter's topic takes.")] = msgspec.UNSET


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ids: Ids
    note: Annotated[str, shown("Why, for the audit.", maxLength=MAX_NOTE)] = ""


_replay = msgspec.json.Decoder(Replay)
_edited = msgspec.json.Decoder(Edited)
_drop = msgspec.json.Decoder(Drop)


def operator_routes(letters: DeadLetters, audit: Audit, board: Board) -> APIRouter:
    router = APIRouter(prefix="/v1/operators")
    _add_reading(router, letters)
    _add_settling(router, letters)

    @router.get("/channels")
    @documented(
        "Accounts on platforms, and how each fares",
        tag=TAG,
        description="Summed over all routers, and at most 2 s old. Outcomes are of the last five minutes.",
        answers={200: ChannelList},
        problems=REFUSED,
    )
    async def list_channels(operator: Operator) -> Response:
        return private_answer(await board.channels())

    @router.get("/audit")
    @documented("What operators did, newest first", tag=TAG, answers={200: AuditPage}, problems=REFUSED)
    async def list_audit(operator: Operator, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return private_answer(await audit.page(limit, cursor))

    return router


def _add_reading(router: APIRouter, letters: DeadLetters) -> None:
    @router.get("/dlq")
    @documented(
        "Letters of all DLQs and of the quarantine, newest first",
        tag=TAG,
        answers={200: LetterPage},
        problems=REFUSED,
    )
    async def list_letters(
        operator: Operator,
        topic: Filter = None,
        reason: Filter = None,
        message_id: Filter = None,
        state: Shown = "open",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        states = {"open": OPEN, "all": (*OPEN, "replayed", "dropped")}.get(state, (state,))
        said = {"topic": topic, "reason": reason, "message_id": message_id}
        filters = {name: value for name, value in said.items() if value is not None}
        return private_answer(await letters.page(states, filters, limit, cursor))  # type: ignore[arg-type]

    @router.get("/dlq/counts")
    @documented("How many letters are open, by topic and reason", tag=TAG, answers={200: Counts}, problems=REFUSED)
    async def count_letters(operator: Operator) -> Response:
        return private_answer(await letters.counts())

    @router.get("/dlq/{letter_id}")
    @documented(
        "A letter, with the record as it came, and the delivery that it is about",
        tag=TAG,
        description="Audited: it may be what people wrote to each other.",
        answers={200: WholeLetter},
        problems=REFUSED,
    )
    async def show_letter(letter_id: Id, operator: Operator) -> Response:
        return private_answer(await letters.show(operator.username, letter_id))


def _add_settling(router: APIRouter, letters: DeadLetters) -> None:
    each = Answer(SettledAll, "Each has an outcome of its own.")

    @router.post("/dlq/replay")
    @documented(
        "Replay letters",
        tag=TAG,
        description="Each goes back to its own topic. Safe to repeat: what was replayed is not replayed again.",
        body=Replay,
        answers={200: each},
        problems=REFUSED,
        examples={"one": {"ids": ["message.events.dlq:3:17"]}},
    )
    async def replay_letters(request: Request, operator: Operator) -> Response:
        ids = _bounded((await read_json(request, _replay)).ids)
        return private_answer(SettledAll(await letters.replay(operator.username, ids)))

    @router.post("/dlq/drop")
    @documented(
        "Drop letters",
        tag=TAG,
        description="They are no longer listed as open, and can still be replayed: Kafka keeps them.",
        body=Drop,
        answers={200: each},
        problems=REFUSED,
        examples={"one": {"ids": ["message.events.dlq:3:17"], "note": "a test of ours"}},
    )
    async def drop_letters(request: Request, operator: Operator) -> Response:
        asked = await read_json(request, _drop)
        return private_answer(
            SettledAll(await letters.drop(operator.username, _bounded(asked.ids), asked.note[:MAX_NOTE]))
        )

    @router.post("/dlq/{letter_id}/replay")
    @documented(
        "Replay a letter, edited",
        tag=TAG,
        description="What is sent in its place must be what its topic takes, about the same and from the same.",
        body=Edited,
        answers={200: Settled},
        problems=REFUSED,
        examples={"as it came": {}},
    )
    async def replay_letter(letter_id: Id, request: Request, operator: Operator) -> Response:
        body = (await read_json(request, _edited)).body
        if body is not msgspec.UNSET:
            return private_answer(await letters.replay_edited(operator.username, letter_id, body))
        (settled,) = await letters.replay(operator.username, [letter_id])
        if settled.outcome == "not_found":
            raise not_found("letter")
        return private_answer(settled)


def _bounded(ids: list[str]) -> list[str]:
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        raise invalid("/ids", f"must be 1 to {MOST_AT_ONCE}")
    return ids
