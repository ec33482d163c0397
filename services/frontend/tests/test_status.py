"""What a status report says: the decision, and the call that waits a little for the router."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PATIENCE_S
from libs.common.accept import Acceptor
from libs.common.clock import new_id, now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Problem
from libs.common.events import ReceiptStatus
from libs.common.files import Files
from libs.common.mongo import Database
from services.frontend.handlers import Messages
from services.frontend.report import HistoryEntry, HistoryStatus, StoredMessage, report_status
from services.frontend.store import MessageStore
from services.frontend.tests.conftest import Caller, Router, Scene

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
RANK: dict[HistoryStatus, int] = {"ACCEPTED": 0, "SENT": 1, "DELIVERED": 2, "READ": 3}
Times = dict[tuple[str, ReceiptStatus], datetime]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def message(*to: str, stored: float = 1) -> StoredMessage:
    return StoredMessage("m", "c", 7, to, at(0), at(stored))


def entry(status: HistoryStatus, seconds: float, recipient: str | None = None) -> HistoryEntry:
    return HistoryEntry(status, rfc3339(at(seconds)), recipient, "internal" if recipient else None)


def test_a_private_message_goes_from_accepted_to_read_once() -> None:
    report = report_status(message("bo"), {("bo", "DELIVERED"): at(2), ("bo", "READ"): at(3)})
    assert report.status == "READ"
    assert report.status_history == [
        entry("ACCEPTED", 0),
        entry("SENT", 1),
        entry("DELIVERED", 2, "bo"),
        entry("READ", 3, "bo"),
    ]


def test_a_message_is_delivered_when_its_last_recipient_has_it() -> None:
    times: Times = {("bo", "DELIVERED"): at(2), ("bo", "READ"): at(3), ("cy", "DELIVERED"): at(4)}
    report = report_status(message("bo", "cy"), times)
    assert report.status == "DELIVERED"
    assert report.status_history[2:] == [
        entry("DELIVERED", 2, "bo"),
        entry("READ", 3, "bo"),
        entry("DELIVERED", 4, "cy"),
        entry("DELIVERED", 4),
    ]
    assert [(d.recipient, d.status, d.updated_at) for d in report.deliveries] == [
        ("bo", "READ", rfc3339(at(3))),
        ("cy", "DELIVERED", rfc3339(at(4))),
    ]


def test_reading_implies_having() -> None:
    report = report_status(message("bo"), {("bo", "READ"): at(2), ("bo", "DELIVERED"): at(5)})
    assert report.status_history[2:] == [entry("DELIVERED", 2, "bo"), entry("READ", 2, "bo")]


RECEIPTS: st.SearchStrategy[Times] = st.dictionaries(
    st.tuples(st.sampled_from(["bo", "cy", "di"]), st.sampled_from(["DELIVERED", "READ"])),
    st.integers(-3, 5).map(at),
)


@given(st.lists(st.sampled_from(["bo", "cy", "di"]), min_size=1, unique=True), st.integers(-2, 2), RECEIPTS)
def test_history_is_ordered_only_rises_and_agrees_with_the_deliveries(to: list[str], stored: int, times: Times) -> None:
    report = report_status(message(*to, stored=stored), times)
    history = report.status_history
    assert [h.status for h in history[:2]] == ["ACCEPTED", "SENT"]
    assert [h.at for h in history] == sorted(h.at for h in history)
    for who in (None, *to):
        steps = [RANK[h.status] for h in history if h.recipient == who]
        assert steps == sorted(set(steps))
    assert report.status == min((d.status for d in report.deliveries), key=RANK.__getitem__)
    own = [h.status for h in history if h.recipient is None or len(to) == 1]
    assert own[-1] == report.status


async def test_the_status_call_tells_the_whole_way_of_a_private_message(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    message_id = (await ana.send(conversation_id, "one", "two"))[1]
    await scene.store()
    await scene.receipt(conversation_id, "bo", "DELIVERED", 2)
    await scene.receipt(conversation_id, "bo", "READ", 1)
    report = (await ana.get(f"/v1/messages/{message_id}/status")).json()
    assert [h["status"] for h in report.pop("status_history")] == ["ACCEPTED", "SENT", "DELIVERED"]
    (delivery,) = report.pop("deliveries")
    assert delivery.pop("updated_at").endswith("Z")
    assert delivery == {
        "recipient": scene.name("bo"),
        "channel": "internal",
        "status": "DELIVERED",
        "status_ceiling": "READ",
        "attempts": 1,
    }
    assert report == {
        "message_id": message_id,
        "conversation_id": conversation_id,
        "sequence_number": 2,
        "status": "DELIVERED",
    }


async def test_a_message_is_delivered_when_a_receipt_first_reaches_it(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    message_id = (await ana.send(conversation_id, "one", "two"))[1]
    await scene.store()
    start = now()
    for seconds, number in ((1, 1), (2, 2), (3, 5)):
        await scene.receipt(conversation_id, "bo", "DELIVERED", number, start + timedelta(seconds=seconds))
    report = (await ana.get(f"/v1/messages/{message_id}/status")).json()
    assert report["deliveries"][0]["updated_at"] == rfc3339(start + timedelta(seconds=2))


@pytest.mark.parametrize("status_wait_s", [PATIENCE_S])
async def test_asked_before_the_router_is_done_it_waits(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    (message_id,) = await ana.send(conversation_id, "one")
    asked = asyncio.create_task(ana.get(f"/v1/messages/{message_id}/status"))
    await scene.store()
    assert (await asked).json()["status"] == "SENT"


async def test_what_is_accepted_and_not_stored_in_time_is_promised_to_its_sender_alone(
    scene: Scene, ana: Caller, bo: Caller, mallory: Caller
) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    (message_id,) = await ana.send(conversation_id, "one")
    own, of_another, unknown = await asyncio.gather(
        ana.get(f"/v1/messages/{message_id}/status"),
        mallory.get(f"/v1/messages/{message_id}/status"),
        ana.get(f"/v1/messages/{new_id()}/status"),
    )
    assert (own.status_code, own.headers["retry-after"]) == (503, "1")
    assert (of_another.status_code, unknown.status_code) == (404, 404)


async def test_while_the_router_is_behind_what_another_process_may_have_accepted_is_not_denied(
    scene: Scene, ana: Caller
) -> None:
    scene.router.is_behind = True
    answer = await ana.get(f"/v1/messages/{new_id()}/status")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "status_not_ready", "1")


@dataclass
class Slow(Router):
    """It says how far it is when it may."""

    may_say: asyncio.Event = field(default_factory=asyncio.Event)

    async def ends(self) -> Mapping[int, int]:
        await self.may_say.wait()
        return await super().ends()


async def test_only_so_many_wait_for_the_router_at_once(database: Database) -> None:
    async def publish(*_: Any) -> None: ...

    members, router = Members(database), Slow()
    acceptor = Acceptor(members, Files(database), publish, "test")
    messages = Messages(MessageStore(database), members, acceptor, router, max_waiters=1)
    asked = {asyncio.create_task(messages.show_status("ana", new_id())) for _ in range(3)}
    refused: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        while asked:
            done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            refused += [problem.status for each in done if isinstance(problem := each.exception(), Problem)]
            if len(asked) == 1:
                router.may_say.set()
    assert refused == [503, 503, 404]


async def test_the_status_of_a_message_is_its_members_alone(
    scene: Scene, ana: Caller, bo: Caller, mallory: Caller
) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    (message_id,) = await ana.send(conversation_id, "one")
    await scene.store()
    assert (await bo.get(f"/v1/messages/{message_id}/status")).status_code == 200
    assert (await mallory.get(f"/v1/messages/{message_id}/status")).status_code == 404


@pytest.mark.parametrize("path", ["/v1/messages/7", "/v1/messages/7/status"])
async def test_what_is_no_id_is_not_there(ana: Caller, path: str) -> None:
    assert (await ana.get(path)).status_code == 404
