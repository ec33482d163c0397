"""Plans: what would become of a message on each channel, as the router would decide it, and nothing stored."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.capabilities import CHANNELS
from libs.common.accept import Acceptor, parse_body
from libs.common.clock import now
from libs.common.conversations import Members
from libs.common.errors import Problem, Unavailable
from libs.common.events import AttachedFile, Location, SentFile, Step, Text
from libs.common.files import Files
from libs.common.mongo import Database
from libs.common.people import addresses_of
from libs.common.routing import Address, Contact, Target
from services.frontend.plan import Fit, PlannedDelivery, Verdict, fit, in_order, plan_external, plan_internal
from services.frontend.planning import Planning
from services.frontend.reaching import Reached, Reaching
from services.frontend.tests.conftest import Caller, Outbox, Scene

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
C = "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10"
WROTE = Contact(wrote_at=NOON - timedelta(hours=1))
LONG_AGO = Contact(wrote_at=NOON - timedelta(hours=25))
LAST_WEEK = Contact(wrote_at=NOON - timedelta(days=7))
CONFIGURED = ("telegram", "whatsapp", "messenger")
BIG = AttachedFile("a.mp4", 200_000_000, "video/mp4", "0" * 64)


def planned(
    channel: str, contact: Contact, address: str | None = "1", *, is_away: bool = False, for_people: bool = False
) -> PlannedDelivery:
    found = Reached(Target("bo", channel, address), "main", contact, for_people)
    return plan_external(found, Fit(1, []), CONFIGURED, {(channel, "main")} if is_away else set(), NOON)


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (planned("whatsapp", WROTE), ("goes", [])),
        (planned("whatsapp", WROTE, is_away=True), ("waits", ["breaker_open"])),
        (planned("whatsapp", Contact()), ("fails", ["window_closed"])),
        (planned("messenger", LONG_AGO), ("fails", ["window_closed"])),
        (planned("messenger", LONG_AGO, for_people=True), ("goes", [])),
        (planned("messenger", LAST_WEEK, for_people=True), ("fails", ["window_closed"])),
        (planned("telegram", Contact()), ("goes", [])),
        (planned("telegram", Contact(refusal="removed"), is_away=True), ("fails", ["blocked"])),
        (planned("telegram", WROTE, None), ("fails", ["no_address"])),
        (planned("instagram", WROTE), ("fails", ["channel_not_configured"])),
        (plan_internal("bo", Text("hi")), ("goes", [])),
        (plan_internal("telegram:42", Text("hi")), ("fails", ["no_address"])),
    ],
)
def test_a_delivery_goes_waits_or_fails_and_says_why(
    delivery: PlannedDelivery, expected: tuple[Verdict, list[str]]
) -> None:
    assert (delivery.verdict, [reason.code for reason in delivery.reasons]) == expected


@pytest.mark.parametrize(
    ("payload", "channel", "expected"),
    [
        (Text("hi"), "instagram", Fit(1, [])),
        (Text("word " * 500), "instagram", Fit(3, ["text_split"])),
        (Location(48.2, 16.37, "Wien"), "messenger", Fit(1, ["location_as_link"])),
        (Location(48.2, 16.37, "Wien"), "telegram", Fit(2, ["place_name_separate"])),
        (SentFile(file_id=C, file=BIG), "messenger", Fit(1, ["file_as_link"])),
        (SentFile(file_id=C, file=BIG), "internal", Fit(1, [])),
    ],
)
def test_what_does_not_fit_is_adapted_as_it_would_be(payload: Any, channel: str, expected: Fit) -> None:
    assert fit(payload, channel) == expected


VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["goes", "waits", "fails"])


@given(st.permutations(["telegram", "whatsapp", "messenger"]), st.lists(VERDICTS, min_size=3, max_size=3))
def test_a_route_is_told_in_its_order_and_what_fails_takes_no_time(names: list[str], verdicts: list[Verdict]) -> None:
    steps = [Step(name, "SENT", 10) for name in names]
    of_each = {n: with_verdict(planned(n, WROTE), v) for n, v in zip(names, verdicts, strict=True)}
    ordered = in_order(steps, of_each)
    assert [(p.channel, p.step) for p in ordered] == [(name, index) for index, name in enumerate(names)]
    taken = [0 if v == "fails" else 10 for v in verdicts]
    assert [p.after_s for p in ordered] == [sum(taken[:index]) for index in range(3)]


def with_verdict(delivery: PlannedDelivery, verdict: Verdict) -> PlannedDelivery:
    fields = {field: getattr(delivery, field) for field in delivery.__struct_fields__}
    return PlannedDelivery(**{**fields, "verdict": verdict})


async def lively(_: Collection[Address]) -> Mapping[Address, Contact]:
    """Everybody has written just now."""
    return {(channel, "main", "42"): Contact(wrote_at=now()) for channel in CHANNELS}


async def away() -> Collection[tuple[str, str]]:
    raise Unavailable("Redis", "a test has it so")


async def test_a_plan_is_checked_like_a_message_and_stores_and_publishes_nothing(database: Database) -> None:
    outbox = Outbox()
    await database["conversations"].insert_one({"_id": C, "members": ["ana", "bo", "telegram:7"]})
    acceptor = Acceptor(Members(database), Files(database), outbox.publish, "test")
    addresses = {"bo": {"telegram": "42", "whatsapp": "42"}}
    people = partial(addresses_of, database)
    reaching = Reaching(lambda: addresses, lambda: {"telegram": ["main"]}, people, lively)
    planning = Planning(acceptor, reaching, away)
    body = b'{"conversation_id":"%s","channels":"all","payload":{"type":"text","text":"hi"}}' % C.encode()
    plan = await planning.plan("ana", parse_body(body))
    assert plan.channels == ["internal", "telegram", "whatsapp"]
    assert [(d.recipient, d.channel, d.verdict, d.account) for d in plan.deliveries] == [
        ("bo", "internal", "goes", None),
        ("telegram:7", "internal", "fails", None),
        ("bo", "telegram", "goes", "main"),
        ("bo", "whatsapp", "fails", None),
        ("telegram:7", "telegram", "goes", "main"),
    ]
    assert outbox.records == []
    with pytest.raises(Problem) as refused:
        await planning.plan("cy", parse_body(body))
    assert refused.value.status == 404


async def test_a_route_is_planned_for_each_recipient(database: Database) -> None:
    await database["conversations"].insert_one({"_id": C, "members": ["ana", "bo", "cy"]})
    acceptor = Acceptor(Members(database), Files(database), Outbox().publish, "test")
    addresses = {"bo": {"telegram": "42"}}
    people = partial(addresses_of, database)
    reaching = Reaching(lambda: addresses, lambda: {"telegram": ["main"]}, people, lively)
    planning = Planning(acceptor, reaching, away)
    route = b'[{"channel":"telegram","until":"SENT","after_s":9},{"channel":"internal"}]'
    said = b'{"conversation_id":"%s","route":%s,"payload":{"type":"text","text":"hi"}}' % (C.encode(), route)
    plan = await planning.plan("ana", parse_body(said))
    assert [(d.recipient, d.channel, d.step, d.after_s) for d in plan.deliveries] == [
        ("bo", "telegram", 0, 0),
        ("bo", "internal", 1, 9),
        ("cy", "telegram", 0, 0),
        ("cy", "internal", 1, 0),
    ]


async def test_at_its_door_a_plan_takes_what_a_message_takes(scene: Scene, ana: Caller, bo: Caller) -> None:
    """Here nobody has told who can be reached yet."""
    conversation_id = await ana.open(scene.name("bo"))
    body = {"conversation_id": conversation_id, "payload": {"type": "text", "text": "hi"}}
    answer = await ana.post("/v1/messages/plan", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "etcd_unavailable")
    wrong = await ana.post("/v1/messages/plan", {**body, "channels": ["fax"]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_channel")
    assert (await ana.post("/v1/messages/plan", {**body, "message_id": "AAA"})).status_code == 422
    assert (await bo.post("/v1/messages/plan", {**body, "from": scene.name("ana")})).status_code == 403
    assert scene.outbox.records == []
