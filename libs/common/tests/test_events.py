"""Events on the wire: what is written is read again, and what is no event is refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import events
from libs.common.events import (
    AttachedFile,
    DeliveryRequest,
    FileEvent,
    Location,
    MessageEvent,
    PresenceEvent,
    ReceiptEvent,
    SentFile,
    StatusEvent,
    Text,
)

DEEP = b'{"later":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SIZES = st.integers(1, 2**31)
ATTACHED = st.builds(AttachedFile, filename=TEXT, size=SIZES, content_type=TEXT, sha256=TEXT)
PAYLOADS = (
    st.builds(Text, text=TEXT)
    | st.builds(SentFile, file_id=TEXT, caption=st.none() | TEXT, file=ATTACHED)
    | st.builds(
        Location,
        latitude=st.floats(-90, 90),
        longitude=st.floats(-180, 180),
        name=st.none() | TEXT,
    )
)
EVENTS = (
    st.builds(
        MessageEvent,
        message_id=TEXT,
        conversation_id=TEXT,
        sender=TEXT,
        to=st.none() | st.lists(TEXT),
        channels=st.lists(TEXT),
        payload=PAYLOADS,
        reply_to=st.none() | TEXT,
        metadata=st.none() | TEXT,
        fingerprint=TEXT,
        accepted_at=TEXT,
    )
    | st.builds(ReceiptEvent, conversation_id=TEXT, username=TEXT, at=TEXT)
    | st.builds(StatusEvent, conversation_id=TEXT, at=TEXT, username=st.none() | TEXT, sender=st.none() | TEXT)
    | st.builds(PresenceEvent, username=TEXT, at=TEXT, last_seen=st.none() | TEXT)
    | st.builds(FileEvent, file_id=TEXT, owner=TEXT, filename=TEXT, size=SIZES, sha256=st.none() | TEXT, at=TEXT)
    | st.builds(DeliveryRequest, delivery_id=TEXT, address=TEXT, payload=PAYLOADS, reply_to=st.none() | TEXT)
)


@given(EVENTS)
def test_what_is_written_is_read_again(event: Any) -> None:
    assert events.decode(type(event), events.encode(event)) == event


@pytest.mark.parametrize("kind", [MessageEvent, ReceiptEvent, StatusEvent, FileEvent, DeliveryRequest])
@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"{", b"null", b'{"version":"x"}', DEEP])
def test_what_is_no_event_is_refused(kind: type[MessageEvent], value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events.decode(kind, value)


def test_fields_that_come_later_disturb_nobody() -> None:
    event = ReceiptEvent(conversation_id="c", username="bo", status="READ", sequence_number=7, at="now")
    later = events.encode(event)[:-1] + b',"device":"phone"}'
    assert events.decode(ReceiptEvent, later) == event


def test_the_wire_says_from() -> None:
    event = StatusEvent(conversation_id="c", status="SENT", from_number=1, to_number=1, at="now", sender="ana")
    assert msgspec.json.decode(events.encode(event))["from"] == "ana"


def test_headers_are_those_of_cloudevents_with_the_trace() -> None:
    event = ReceiptEvent(conversation_id="c", username="bo", status="READ", sequence_number=7, at="now")
    headers = dict(events.cloud_headers(event, "id", "source", "now", "00-trace"))
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"id",
        "ce_source": b"source",
        "ce_type": b"parley.receipt.reported.v1",
        "ce_time": b"now",
        "content-type": b"application/json",
        "traceparent": b"00-trace",
    }
