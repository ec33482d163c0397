"""A message is the same, whether it is shown at its storage or read from its document."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import AttachedFile, Location, MessageEvent, Payload, SentFile, Text
from libs.common.messages import encode, from_document, from_event, recipients, to_document

MEMBERS = ["ana", "bo", "cy"]
PICTURE = SentFile(file_id="f", caption="look", file=AttachedFile("a.png", 7, "image/png", "0" * 64))


def event(to: list[str] | None = None, metadata: str | None = None, payload: Payload | None = None) -> MessageEvent:
    return MessageEvent(
        message_id="m",
        conversation_id="c",
        sender="ana",
        to=to,
        channels=["internal"],
        payload=payload or Text(text="hi"),
        metadata=metadata,
        fingerprint="f",
        accepted_at="2026-11-21T10:15:30.123Z",
    )


@given(
    st.none() | st.just(["bo"]),
    st.sampled_from([None, '{"a": 1.0, "b": "\\u00fc\\u0000"}', "{}"]),
    st.sampled_from(
        [
            Text(text="hi"),
            Location(latitude=1.5, longitude=2.0),
            Location(latitude=0.0, longitude=0.0, name="x"),
            PICTURE,
            msgspec.structs.replace(PICTURE, caption=None),
        ]
    ),
)
def test_document_and_event_show_the_same(to: list[str] | None, metadata: str | None, payload: Payload) -> None:
    accepted = event(to, metadata, payload)
    document = to_document(accepted, 7, MEMBERS, datetime(2026, 11, 21, 10, 15, 31, tzinfo=UTC), "t/0/1")
    assert encode(from_document(document, "SENT")) == encode(from_event(accepted, 7, MEMBERS))


@pytest.mark.parametrize(("to", "addressed"), [(None, ["bo", "cy"]), (["cy"], ["cy"])])
def test_a_message_addresses_whom_it_names_else_every_other_member(to: list[str] | None, addressed: list[str]) -> None:
    assert recipients(event(to), MEMBERS) == addressed


def test_metadata_is_shown_to_the_letter() -> None:
    text = '{"n": 1.0, "big": 12345678901234567890123, "twice": 1, "twice": 2}'
    assert text.encode() in encode(from_event(event(metadata=text), 1, MEMBERS))


def test_a_file_is_shown_and_stored_with_what_is_known_of_it() -> None:
    shown = {
        "type": "file",
        "file_id": "f",
        "caption": "look",
        "file": {"filename": "a.png", "size": 7, "content_type": "image/png", "sha256": "0" * 64},
    }
    accepted = event(payload=PICTURE)
    assert msgspec.json.decode(encode(from_event(accepted, 1, MEMBERS)))["payload"] == shown
    assert to_document(accepted, 1, MEMBERS, datetime.now(UTC), "t/0/1")["payload"] == shown


def test_every_field_is_shown_also_where_there_is_nothing_in_it() -> None:
    shown = msgspec.json.decode(encode(from_event(event(), 1, MEMBERS)))
    assert (shown["from"], shown["reply_to"], shown["metadata"]) == ("ana", None, None)
