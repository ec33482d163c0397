"""What a letter of a DLQ says, and what may be sent in its place."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import Record
from libs.common.errors import Problem
from libs.common.events import (
    INBOUND_EVENTS,
    INBOUND_QUARANTINE,
    TOPICS,
    WITH_DEAD_LETTERS,
    DeliveryRequest,
    Event,
    InboundEvent,
    MessageEvent,
    Text,
    channel_topic,
    dead_letters_of,
    decode,
    decode_any,
    encode,
    origin_of,
)
from services.router.operators.domain.edits import FIXED, KEYS, edited
from services.router.operators.domain.letters import DEEPEST, Kept, again, body_of, kept, place_of

NOTHING: Mapping[str, bytes] = MappingProxyType({})
MESSAGES = dead_letters_of("message.events")
MESSAGE = MessageEvent(
    message_id="m1",
    conversation_id="c1",
    sender="ana",
    channels=["internal"],
    payload=Text("hi"),
    fingerprint="f",
    accepted_at="2026-11-21T10:15:30.123Z",
)
REQUEST = DeliveryRequest(
    delivery_id="m1:bo:telegram",
    message_id="m1",
    conversation_id="c1",
    sequence_number=1,
    sender="ana",
    recipient="bo",
    channel="telegram",
    account="main",
    address="42",
    payload=Text("hi"),
)
UPDATE = InboundEvent(
    channel="telegram", account="main", address="", provider_id="1", body=b'{"update_id": 1}', at="2026-11-21T10:15:30Z"
)


def letter(value: bytes, topic: str = MESSAGES, headers: Mapping[str, bytes] = NOTHING) -> Kept:
    return kept(Record(topic, 3, 17, b"a key", value, headers, 1_800_000_000_123))


def readable(_: InboundEvent) -> str | None:
    return None


def as_json(event: Event, **changes: Any) -> Any:
    return json.loads(encode(event)) | changes


@given(st.sampled_from(["message.events", "inbound.events", channel_topic("telegram", "main")]))
def test_the_origin_of_dead_letters_is_where_they_come_from(topic: str) -> None:
    assert origin_of(dead_letters_of(topic)) == topic


def test_a_letter_tells_where_it_stands_why_and_what_it_is_about() -> None:
    found = letter(encode(REQUEST), channel_topic("telegram", "main") + ".dlq", {"dlq_reason": b"unreachable"})
    assert (found["_id"], found["reason"]) == ("channel.telegram.main.dlq:3:17", "unreachable")
    assert found["about"]["delivery_id"] == "m1:bo:telegram"
    assert found["at"].isoformat() == "2027-01-15T08:00:00.123000+00:00"
    assert place_of(found["_id"]) == ("channel.telegram.main.dlq", 3, 17)


@given(st.binary(), st.dictionaries(st.sampled_from(["dlq_attempts", "dlq_reason", "dlq_origin", "x"]), st.binary()))
def test_whatever_a_letter_holds_it_is_kept_and_goes_back_as_it_came(value: bytes, headers: dict[str, bytes]) -> None:
    found = letter(value, headers=headers)
    body_of(found)
    sent = again(found, found["key"], found["value"])
    assert (sent.topic, sent.value) == ("message.events", value)
    assert {**dict(sent.headers), **headers} == dict(sent.headers)
    assert "dlq_origin" in dict(sent.headers)


def test_of_an_update_the_update_is_shown() -> None:
    found = body_of(letter(encode(UPDATE), INBOUND_QUARANTINE))
    assert (found.json, found.is_update) == ({"update_id": 1}, True)


def test_what_is_no_json_is_shown_as_text_and_what_is_no_text_as_bytes_alone() -> None:
    assert body_of(letter(b"poison")).text == "poison"
    assert body_of(letter(b"\xff"))[:3] == (None, None, "/w==")
    deep = b"[" * 50_000 + b"]" * 50_000
    assert body_of(letter(deep))[:2] == (None, deep.decode())


def test_an_edited_event_takes_the_place_of_the_old_under_the_key_of_what_it_says() -> None:
    key, value = edited(letter(encode(MESSAGE)), as_json(MESSAGE, payload={"type": "text", "text": "new"}), readable)
    assert key == "c1"
    assert decode(MessageEvent, value).payload == Text("new")


def test_an_edited_update_stays_an_update_of_its_account() -> None:
    key, value = edited(letter(encode(UPDATE), INBOUND_QUARANTINE), {"update_id": 2}, readable)
    event = decode_any(INBOUND_EVENTS, value)
    assert isinstance(event, InboundEvent)
    assert (key, event.account, json.loads(event.body)) == ("telegram/main/", "main", {"update_id": 2})


def test_an_update_that_the_platform_cannot_have_sent_is_refused() -> None:
    with pytest.raises(Problem, match="is nothing that telegram says: no chat") as refused:
        edited(letter(encode(UPDATE), INBOUND_QUARANTINE), {}, lambda _: "no chat")
    assert (refused.value.status, refused.value.errors[0].pointer) == (422, "/body")


@pytest.mark.parametrize(
    ("event", "topic", "change", "pointer"),
    [
        (MESSAGE, "message.events", {"from": "eve"}, "/body/from"),
        (MESSAGE, "message.events", {"conversation_id": "c2"}, "/body/conversation_id"),
        (REQUEST, "channel.telegram.main", {"address": "43"}, "/body/address"),
    ],
)
def test_nobody_changes_whose_a_record_is(event: Event, topic: str, change: dict[str, str], pointer: str) -> None:
    with pytest.raises(Problem, match="may not be changed") as refused:
        edited(letter(encode(event), dead_letters_of(topic)), as_json(event, **change), readable)
    assert [e.pointer for e in refused.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, " must be object, not null"),
        ("text", " must be object, not string"),
        ([], " must be object, not array"),
        ({}, "/message_id message_id is required"),
        ({"message_id": 1}, "/message_id must be string, not integer"),
    ],
)
def test_what_is_no_event_of_its_topic_is_refused_in_words_of_ours(body: object, why: str) -> None:
    with pytest.raises(Problem) as refused:
        edited(letter(b"poison"), body, readable)
    assert refused.value.detail == f"is no event of message.events: {why}"


def test_a_record_that_was_no_event_may_become_one() -> None:
    key, value = edited(letter(b"poison"), msgspec.to_builtins(as_json(MESSAGE)), readable)
    assert (key, decode(MessageEvent, value)) == ("c1", MESSAGE)


@pytest.mark.parametrize("topic", [*WITH_DEAD_LETTERS, "channel.telegram.main"])
def test_of_every_topic_it_is_known_what_may_not_change_and_where_its_records_belong(topic: str) -> None:
    kind = DeliveryRequest if topic.startswith("channel.") else TOPICS[topic]
    assert kind in KEYS
    assert kind in FIXED or kind is InboundEvent
    assert {*FIXED.get(kind, ())} <= {*kind.__struct_fields__}


@pytest.mark.parametrize("said", ["", "a:b", "message.events.dlq:1", "message.events.dlq:-1:2", "a:1:2:3", "a/b:1:2"])
def test_what_is_no_letters_id_is_recognised(said: str) -> None:
    assert place_of(said) is None


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 700, 20_000])
def test_whatever_is_nested_is_shown_and_what_is_too_deep_as_text(depth: int) -> None:
    said = "[" * depth + "]" * depth
    body = body_of(letter(said.encode()))
    assert (body.json is None, body.text == said) == (depth > DEEPEST, depth > DEEPEST)
    assert msgspec.json.encode({"of": [body]})


def test_what_is_nested_too_deep_takes_the_place_of_nothing() -> None:
    deep: Any = []
    for _ in range(DEEPEST):
        deep = [deep]
    with pytest.raises(Problem) as refused:
        edited(letter(encode(MESSAGE)), deep, readable)
    assert (refused.value.status, refused.value.code) == (422, "invalid_field")
