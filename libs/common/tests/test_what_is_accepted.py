"""What was accepted stays as it is: nothing behind the 202 refuses or changes it, and equal content is equal."""

import json
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from libs.common import events
from libs.common.accept import MAX_BODY, MAX_DEPTH, MAX_METADATA, MAX_TEXT, SaidPayload, parse_body
from libs.common.accept.body import FileReference
from libs.common.accept.draft import address, draft, to_event
from libs.common.errors import Problem
from libs.common.events import MAX_CAPTION, AttachedFile, MessageEvent, Payload, SentFile
from libs.common.messages import encode, from_document, from_event, to_document
from libs.common.mongo import Document
from libs.common.tests.said import FIELDS, JSON, MEMBERS, C, M, depth, has_surrogate

NUMBERS = st.integers() | st.floats(allow_nan=False) | st.sampled_from([2**63, 2**64, 10**400, -0.0, 5e-324])
FOUND = AttachedFile("\U0001f600" * 255, 2**31, "image/png", "0" * 64)
SAYABLE = st.fixed_dictionaries(
    {
        "conversation_id": st.just(C),
        "payload": st.fixed_dictionaries({"type": st.just("text"), "text": st.text(st.characters())})
        | st.fixed_dictionaries(
            {"type": st.just("location"), "latitude": NUMBERS, "longitude": NUMBERS},
            optional={"name": st.none() | st.text(st.characters())},
        )
        | st.fixed_dictionaries(
            {"type": st.just("file"), "file_id": st.just(M) | st.uuids().map(str)},
            optional={"caption": st.none() | st.text(st.characters()), "file": JSON},
        ),
    },
    optional={
        "message_id": st.just(M),
        "to": st.none() | st.lists(st.sampled_from(MEMBERS) | st.text(), max_size=3),
        "channels": st.lists(st.sampled_from(["internal", "whatsapp", "telegram", "all"]), max_size=3),
        "reply_to": st.none() | st.uuids().map(str),
        "metadata": st.none() | st.dictionaries(st.text(st.characters()), JSON | NUMBERS, max_size=3),
    },
)


def event_of(body: bytes, members: Sequence[str] = MEMBERS) -> MessageEvent:
    """Raises `Problem`."""
    message = address(draft("ana", parse_body(body)), members)
    return to_event(message, found(message.said.payload), "2026-11-21T10:15:30.123Z")


def found(said: SaidPayload) -> Payload:
    if isinstance(said, FileReference):
        return SentFile(file_id=said.file_id, caption=said.caption, file=FOUND)
    return said


@given(SAYABLE | FIELDS, st.booleans())
@example({"conversation_id": C, "payload": {"type": "text", "text": "\0"}}, True)
@example({"conversation_id": C, "payload": {"type": "text", "text": "a"}, "metadata": {"\0": "\0", "n": 2**70}}, True)
@example({"conversation_id": C, "payload": {"type": "location", "latitude": 0, "longitude": -0.0}}, True)
def test_what_is_accepted_can_be_kept_and_is_shown_as_it_was_said(said: dict[str, Any], is_ascii: bool) -> None:
    text = json.dumps(said, ensure_ascii=is_ascii)
    with suppress(Problem):
        event = event_of(text.encode("utf-8", "surrogatepass"))
        assert events.decode(MessageEvent, events.encode(event)) == event
        document = to_document(event, 7, MEMBERS, datetime(2026, 11, 21, tzinfo=UTC), "t/0/1")
        kept: Document = bson.decode(bson.encode(document), bson.CodecOptions(tz_aware=True))
        shown = encode(from_document(kept, "SENT"))
        assert shown == encode(from_event(event, 7, MEMBERS))
        assert {"metadata": None, **json.loads(text)}["metadata"] == json.loads(shown)["metadata"]


@pytest.mark.parametrize(
    "payload",
    [{"type": "text", "text": "😀" * MAX_TEXT}, {"type": "file", "file_id": M, "caption": "😀" * MAX_CAPTION}],
    ids=["text", "file"],
)
def test_the_largest_message_that_is_accepted_fits_everywhere(payload: dict[str, Any]) -> None:
    members = ["ana", *(f"{n:064}" for n in range(255))]
    metadata = '{"a":"' + "x" * (MAX_METADATA - 8) + '"}'
    said = {"conversation_id": C, "payload": payload, "to": members[2:]}
    body = f'{json.dumps(said, ensure_ascii=False)[:-1]},"metadata":{metadata}}}'.encode()
    assert len(body) < MAX_BODY
    event = event_of(body, members)
    assert len(events.encode(event)) < MAX_BODY
    assert len(bson.encode(to_document(event, 2**63 - 1, members, datetime.now(UTC), "t/0/1"))) < MAX_BODY


METADATA = st.dictionaries(st.text(), JSON, max_size=4)


def with_metadata(text: str, channels: list[str] | None = None) -> bytes:
    said = {"conversation_id": C, "message_id": M, "payload": {"type": "text", "text": "hi"}, "channels": channels}
    return f'{json.dumps(said)[:-1]},"metadata":{text}}}'.encode()


@given(METADATA, st.randoms())
def test_neither_order_nor_spaces_make_other_content(metadata: dict[str, Any], chance: random.Random) -> None:
    assume(depth(metadata) <= MAX_DEPTH and not has_surrogate(json.dumps(metadata)))
    keys, channels = list(metadata), ["internal", "whatsapp"]
    chance.shuffle(keys)
    chance.shuffle(channels)
    text = json.dumps({k: metadata[k] for k in keys}, indent=chance.choice([None, 1]), ensure_ascii=False)
    assume(len(text.encode()) <= MAX_METADATA and len(json.dumps(metadata)) <= MAX_METADATA)
    first = event_of(with_metadata(json.dumps(metadata), ["internal", "whatsapp"]))
    assert event_of(with_metadata(text, channels)).fingerprint == first.fingerprint


@given(METADATA, METADATA)
def test_other_metadata_is_other_content(one: dict[str, Any], other: dict[str, Any]) -> None:
    texts = [json.dumps(said, sort_keys=True) for said in (one, other)]
    assume(texts[0] != texts[1] and max(map(len, texts)) <= MAX_METADATA and max(depth(one), depth(other)) <= MAX_DEPTH)
    assume(not any(map(has_surrogate, texts)))
    first, second = (event_of(with_metadata(text)) for text in texts)
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    "body", [b'{"a":1}x', b'{"conversation_id":5,', b'{"conversation_id":5,"a":"\\ud800"}', b"1 2"]
)
def test_what_is_no_json_is_malformed_wherever_it_ends(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse_body(body)
    assert (refused.value.status, refused.value.code) == (400, "malformed")


def test_types_are_called_as_json_calls_them() -> None:
    with pytest.raises(Problem) as refused:
        parse_body(b'{"conversation_id":"a","payload":{},"channels":5}')
    assert refused.value.detail == "must be string or array or null, not integer"


@pytest.mark.parametrize(
    ("said", "pointer", "detail"),
    [
        ('{"payload": {"type": "poll"}}', "/payload/type", "must be one of text, file, location"),
        ('{"payload": {"type": ["text"]}}', "/payload/type", "must be one of text, file, location"),
        ('{"payload": {"text": "hi"}}', "/payload/type", "must be one of text, file, location"),
        ('{"payload": {"type": "text", "text": 5}}', "/payload/text", "must be string, not integer"),
        ('{"metadata": {"a": [1e999]}}', "/metadata", "is a number out of range"),
        ('{"route": [{"channel": []}]}', "/route/0/channel", "must be string, not array"),
        (
            '{"payload": {"type": "location", "latitude": 1e999, "longitude": 0}}',
            "/payload/latitude",
            "is a number out of range",
        ),
    ],
)
def test_a_refusal_says_where_and_why(said: str, pointer: str, detail: str) -> None:
    common = f'{{"conversation_id": "{C}", "payload": {{"type": "text", "text": "hi"}}, '
    with pytest.raises(Problem) as refused:
        event_of(f"{common}{said[1:]}".encode())
    assert [(e.pointer, e.detail) for e in refused.value.errors] == [(pointer, detail)]
