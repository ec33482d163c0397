"""What is accepted, what is refused with which words, and that nothing a client can say is a surprise."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from libs.common import events
from libs.common.accept import (
    MAX_DEPTH,
    MAX_IN_FLIGHT,
    MAX_METADATA,
    Acceptor,
    Body,
    RecentIds,
    parse_body,
    parse_channels,
    parse_metadata,
    parse_payload,
    parse_uuid,
    resolve_recipients,
)
from libs.common.accept.body import FileReference
from libs.common.conversations import Members
from libs.common.errors import Problem, Unavailable
from libs.common.events import Location, MessageEvent, ReceiptEvent, Text
from libs.common.files import Files
from libs.common.mongo import Database
from libs.common.tests.said import FIELDS, JSON, MEMBERS, C, M, depth, has_surrogate, raw


def refusal(parse: Any, *args: Any) -> Problem:
    with pytest.raises(Problem) as refused:
        parse(*args)
    return refused.value


class Outbox:
    """Stands where Kafka stands."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes, dict[str, bytes]]] = []
        self.is_up = True

    async def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        if not self.is_up:
            raise Unavailable("Kafka", "down")
        self.records.append((topic, key, value, dict(headers)))

    @property
    def event(self) -> MessageEvent:
        return events.decode(MessageEvent, self.records[-1][2])


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
async def acceptor(database: Database, outbox: Outbox) -> Acceptor:
    await database["conversations"].insert_one({"_id": C, "members": MEMBERS})
    return Acceptor(Members(database), Files(database), outbox.publish, "test")


def body(**fields: Any) -> Body:
    return parse_body(json.dumps({"conversation_id": C, "payload": {"type": "text", "text": "hi"}} | fields).encode())


@given(st.binary() | FIELDS.map(lambda fields: json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")))
@example(b'{"conversation_id":"a","payload":' + b"[" * 20_000 + b"]" * 20_000 + b"}")
@example(b'{"conversation_id":"a","payload":{"type":"text","text":"\\ud800"}}')
@example(b'{"conversation_id":"a","payload":{"type":"text","text":"\xed\xa0\x80"}}')
@example(b'{"conversation_id":"a","payload":{},"metadata":{"a":"\xff"}}')
@example(b'{"conversation_id":"a","payload":{},"metadata":{"a":1e999}}')
@example(b'{"conversation_id":"a","payload":{"type":"location","latitude":1e999,"longitude":0}}')
def test_no_bytes_raise_anything_but_a_problem(said: bytes) -> None:
    with suppress(Problem):
        parsed = parse_body(said)
        for parse, part in ((parse_payload, parsed.payload), (parse_metadata, parsed.metadata)):
            with suppress(Problem):
                parse(part)
        with suppress(Problem):
            parse_channels(parsed.channels)
            resolve_recipients(parsed.to, "ana", MEMBERS)


@given(FIELDS)
def test_what_is_refused_says_where(fields: dict[str, Any]) -> None:
    """The pointer's first step is a field of the body, or the body itself."""
    problem = problem_of(fields)
    assume(problem is not None and problem.status != 400)
    assert problem is not None
    assert problem.status == 422
    steps = {"/".join(error.pointer.split("/")[:2]) for error in problem.errors}
    assert steps
    assert steps <= {"", *(f"/{name}" for name in fields)}


def problem_of(fields: dict[str, Any]) -> Problem | None:
    try:
        parsed = parse_body(json.dumps(fields).encode())
        parse_payload(parsed.payload)
        parse_metadata(parsed.metadata)
    except Problem as problem:
        return problem
    return None


@given(JSON)
def test_metadata_is_kept_as_its_text_or_refused_for_its_size_depth_or_kind(value: object) -> None:
    text = json.dumps(value)
    fits = isinstance(value, dict) and depth(value) <= MAX_DEPTH and len(text) <= MAX_METADATA
    is_unicode = not has_surrogate(text)
    if value is None:
        assert parse_metadata(raw(value)) is None
    elif fits and is_unicode:
        assert parse_metadata(raw(value)) == text
    else:
        assert refusal(parse_metadata, raw(value)).errors[0].pointer == "/metadata"


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 500, 700, 900])
def test_metadata_of_any_depth_is_refused_in_our_words(levels: int) -> None:
    text = '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"
    assert refusal(parse_metadata, msgspec.Raw(text.encode())).errors[0].pointer == "/metadata"


@given(st.uuids(), st.booleans())
def test_any_uuid_is_shown_in_lower_case(value: object, upper: bool) -> None:
    said = str(value).upper() if upper else str(value)
    assert parse_uuid(said, "/x") == str(value)


@given(st.text())
@example("{0190163d-8694-739b-aea5-966c26f8ad91}")
@example("0190163d8694739baea5966c26f8ad91")
@example("0190163d8694739baea5966c26f8ad91----")
@example("0_90163d-8694-739b-aea5-966c26f8ad91")
@example("\u0660190163d-8694-739b-aea5-966c26f8ad91")
@example(f"{C}\n")
def test_nothing_else_is_a_uuid(said: str) -> None:
    assert refusal(parse_uuid, said, "/x").errors[0].pointer == "/x"


@pytest.mark.parametrize("length", [1, 4096])
def test_a_text_is_1_to_4096_code_points_long(length: int) -> None:
    assert parse_payload(raw({"type": "text", "text": "😀" * length})) == Text(text="😀" * length)


def test_a_location_may_have_a_name() -> None:
    said = {"type": "location", "latitude": -90, "longitude": 180.0, "name": "edge"}
    assert parse_payload(raw(said)) == Location(latitude=-90.0, longitude=180.0, name="edge")


def test_of_a_file_only_its_id_and_its_caption_are_taken() -> None:
    said = {"type": "file", "file_id": M.upper(), "caption": "😀" * 1024, "file": {"filename": 7}}
    assert parse_payload(raw(said)) == FileReference(file_id=M, caption="😀" * 1024)


@pytest.mark.parametrize(
    ("payload", "pointer", "code"),
    [
        ({"type": "text", "text": ""}, "/payload/text", "invalid_field"),
        ({"type": "text", "text": "x" * 4097}, "/payload/text", "invalid_field"),
        ({"type": "text", "text": "a\0b"}, "/payload/text", "invalid_field"),
        ({"type": "text", "text": "\ud800"}, "/payload", "invalid_field"),
        ({"type": "text"}, "/payload/text", "invalid_field"),
        ({"type": "text", "text": 1}, "/payload/text", "invalid_field"),
        ({"type": "file"}, "/payload/file_id", "invalid_field"),
        ({"type": "file", "file_id": "7"}, "/payload/file_id", "invalid_field"),
        ({"type": "file", "file_id": M, "caption": ""}, "/payload/caption", "invalid_field"),
        ({"type": "file", "file_id": M, "caption": "x" * 1025}, "/payload/caption", "invalid_field"),
        ({"type": "file", "file_id": M, "caption": "a\0b"}, "/payload/caption", "invalid_field"),
        ({"type": "video"}, "/payload/type", "invalid_field"),
        ({"type": None}, "/payload/type", "invalid_field"),
        ({}, "/payload/type", "invalid_field"),
        ("hi", "/payload", "invalid_field"),
        ({"type": "location", "latitude": 90.1, "longitude": 0}, "/payload/latitude", "invalid_field"),
        ({"type": "location", "latitude": 0, "longitude": -180.1}, "/payload/longitude", "invalid_field"),
        ({"type": "location", "latitude": "0", "longitude": 0}, "/payload/latitude", "invalid_field"),
        ({"type": "location", "latitude": 0, "longitude": 0, "name": ""}, "/payload/name", "invalid_field"),
    ],
)
def test_a_payload_that_cannot_be_is_refused_where_it_is_wrong(payload: object, pointer: str, code: str) -> None:
    problem = refusal(parse_payload, raw(payload))
    assert (problem.status, problem.code, problem.errors[0].pointer) == (422, code, pointer)


@pytest.mark.parametrize(
    ("asked", "pointer"), [([], "/channels"), (["internal", "fax"], "/channels/1"), ("x", "/channels/0")]
)
def test_a_channel_that_is_not_there_is_refused(asked: Any, pointer: str) -> None:
    problem = refusal(parse_channels, asked)
    code = "unknown_channel" if asked else "invalid_field"
    assert (problem.status, problem.code, problem.errors[0].pointer) == (422, code, pointer)


@pytest.mark.parametrize(
    ("asked", "channels"),
    [
        (None, ["internal"]),
        ("internal", ["internal"]),
        ("all", ["all"]),
        (["internal", "whatsapp", "internal"], ["internal", "whatsapp"]),
        (["telegram", "all"], ["telegram", "all"]),
    ],
)
def test_channels_are_kept_as_they_are_asked_for_each_once(asked: Any, channels: list[str]) -> None:
    assert parse_channels(asked) == channels


@pytest.mark.parametrize(
    ("asked", "to"),
    [(None, None), (["bo"], ["bo"]), (["cy", "bo"], None), (["bo", "ana", "bo"], ["bo"]), (["ana", "bo", "cy"], None)],
)
def test_whom_a_message_addresses(asked: list[str] | None, to: list[str] | None) -> None:
    assert resolve_recipients(asked, "ana", MEMBERS) == to


@pytest.mark.parametrize(
    ("asked", "code", "pointers"),
    [
        (["bo", "zoe", "yan"], "not_a_member", ["/to/1", "/to/2"]),
        ([], "invalid_field", ["/to"]),
        (["ana"], "invalid_field", ["/to"]),
    ],
)
def test_whom_a_message_cannot_address(asked: list[str], code: str, pointers: list[str]) -> None:
    problem = refusal(resolve_recipients, asked, "ana", MEMBERS)
    assert (problem.code, [e.pointer for e in problem.errors]) == (code, pointers)


async def test_the_event_says_what_the_client_said(acceptor: Acceptor, outbox: Outbox) -> None:
    said = body(message_id=M.upper(), to=["bo"], reply_to=C.upper(), metadata={"a": {"b": 1}}, channels="all")
    accepted = await acceptor.accept_message("ana", said)
    topic, key, _, headers = outbox.records[0]
    assert (topic, key, headers["ce_id"]) == (events.MESSAGE_EVENTS, C, M.encode())
    event = outbox.event
    assert (event.message_id, event.sender, event.to, event.channels) == (M, "ana", ["bo"], ["all"])
    assert (event.reply_to, event.metadata) == (C, '{"a": {"b": 1}}')
    assert (accepted.message_id, accepted.accepted_at) == (M, event.accepted_at)


async def test_an_id_is_made_where_none_is_said(acceptor: Acceptor, outbox: Outbox) -> None:
    first, second = [await acceptor.accept_message("ana", body()) for _ in range(2)]
    assert first.message_id < second.message_id == parse_uuid(second.message_id, "")


@pytest.mark.parametrize(
    "other",
    [
        {"payload": {"type": "text", "text": "ho"}},
        {"to": ["bo"]},
        {"reply_to": C},
        {"metadata": {}},
        {"payload": {"type": "location", "latitude": 0, "longitude": 0}},
    ],
)
async def test_other_content_under_the_same_id_is_a_conflict(acceptor: Acceptor, other: dict[str, Any]) -> None:
    for _ in range(2):
        await acceptor.accept_message("ana", body(message_id=M))
    for sender, content in (("ana", other), ("bo", {})):
        with pytest.raises(Problem) as refused:
            await acceptor.accept_message(sender, body(message_id=M, **content))
        assert (refused.value.status, refused.value.code) == (409, "message_id_conflict")


async def test_the_same_said_in_other_words_is_no_conflict(acceptor: Acceptor, outbox: Outbox) -> None:
    await acceptor.accept_message("ana", body(message_id=M))
    await acceptor.accept_message(
        "ana", body(message_id=M.upper(), to=["cy", "bo"], channels=["internal"], metadata=None)
    )
    assert len({events.decode(MessageEvent, value).fingerprint for _, _, value, _ in outbox.records}) == 1


async def test_what_kafka_did_not_take_may_be_said_again_in_other_words(acceptor: Acceptor, outbox: Outbox) -> None:
    outbox.is_up = False
    with pytest.raises(Unavailable):
        await acceptor.accept_message("ana", body(message_id=M))
    assert not acceptor.accepted_recently("ana", M)
    outbox.is_up = True
    await acceptor.accept_message("ana", body(message_id=M, metadata={}))
    assert acceptor.accepted_recently("ana", M)
    assert not acceptor.accepted_recently("bo", M)


@pytest.mark.parametrize(
    ("sender", "fields", "status", "code"),
    [
        ("zoe", {}, 404, "not_found"),
        ("ana", {"conversation_id": M}, 404, "not_found"),
        ("ana", {"from": "bo"}, 403, "from_mismatch"),
        ("ana", {"from": "bo", "conversation_id": M}, 403, "from_mismatch"),
        ("ana", {"conversation_id": "7"}, 422, "invalid_field"),
        ("ana", {"message_id": ""}, 422, "invalid_field"),
        ("ana", {"reply_to": "x"}, 422, "invalid_field"),
        ("ana", {"to": ["zoe"]}, 422, "not_a_member"),
    ],
)
async def test_what_may_not_be_sent_is_never_published(
    acceptor: Acceptor, outbox: Outbox, sender: str, fields: dict[str, Any], status: int, code: str
) -> None:
    with pytest.raises(Problem) as refused:
        await acceptor.accept_message(sender, body(**fields))
    assert (refused.value.status, refused.value.code) == (status, code)
    assert outbox.records == []
    await acceptor.accept_message("ana", body(**{"from": "ana"}))
    assert len(outbox.records) == 1


async def test_a_receipt_is_published_under_its_conversation(acceptor: Acceptor, outbox: Outbox) -> None:
    await acceptor.accept_receipt("bo", C.upper(), "READ", 7)
    ((topic, key, value, _),) = outbox.records
    receipt = events.decode(ReceiptEvent, value)
    assert (topic, key) == (events.RECEIPT_EVENTS, C)
    assert (receipt.username, receipt.status, receipt.sequence_number) == ("bo", "READ", 7)


@pytest.mark.parametrize(("username", "number", "status"), [("zoe", 7, 404), ("bo", 0, 422), ("bo", 2**63, 422)])
async def test_a_receipt_that_cannot_be_is_refused(
    acceptor: Acceptor, outbox: Outbox, username: str, number: int, status: int
) -> None:
    with pytest.raises(Problem) as refused:
        await acceptor.accept_receipt(username, C, "DELIVERED", number)
    assert refused.value.status == status
    assert outbox.records == []


async def test_too_many_messages_in_flight_are_refused(database: Database, outbox: Outbox) -> None:
    await database["conversations"].insert_one({"_id": C, "members": MEMBERS})
    all_wait, may_go = asyncio.Semaphore(0), asyncio.Event()

    async def publish(*record: Any) -> None:
        all_wait.release()
        await may_go.wait()
        await outbox.publish(*record)

    acceptor = Acceptor(Members(database), Files(database), publish, "test")
    await acceptor.membership("ana", C)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(MAX_IN_FLIGHT):
            tasks.create_task(acceptor.accept_message("ana", body()))
        for _ in range(MAX_IN_FLIGHT):
            await all_wait.acquire()
        with pytest.raises(Unavailable):
            await acceptor.accept_message("ana", body())
        may_go.set()
    await acceptor.accept_message("ana", body())
    assert len(outbox.records) == MAX_IN_FLIGHT + 1


def test_recent_ids_are_bounded_in_number_and_time() -> None:
    recent = RecentIds(size=2)
    for name in "abc":
        recent.remember(name, "1", "ana")
    assert [recent.has(name, "ana") for name in "abc"] == [False, True, True]
    many = RecentIds(size=100)
    for n in range(1_050):
        many.remember(f"{n}", f"{n}", "ana")
        with pytest.raises(Problem, match="another message"):
            many.check(f"{max(0, n - 49)}", "other")
    assert sum(many.has(f"{n}", "ana") for n in range(1_050)) <= 100
    expired = RecentIds(lifetime_s=0)
    expired.remember("a", "1", "ana")
    expired.check("a", "2")
    assert not expired.has("a", "ana")
