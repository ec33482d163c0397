"""Frames and settings as values."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.parley.cli.words import marks_of
from clients.parley.frames import Arrived, Edited, ErrorReported, Pressed, Reacted, Receipt, Unsent, decode_frame
from clients.parley.objects import SentFile
from clients.parley.retry import LONGEST_BACKOFF_S, backoff_s
from clients.parley.settings import gateway_url, read_settings
from clients.parley.tests.scripted import message


def test_a_message_frame_is_read_with_fields_of_a_newer_server() -> None:
    event = decode_frame(msgspec.json.encode({**message(3), "mood": "new"}))
    assert isinstance(event, Arrived)
    assert (event.sequence_number, event.offset, event.to) == (3, 3, ("ana",))
    assert event.created_at.utcoffset() is not None


def test_a_file_message_shows_its_file_and_no_other_does() -> None:
    shown: dict[str, Any] = {"filename": "a.png", "size": 7, "content_type": "image/png", "sha256": "0" * 64}
    payload = {"type": "file", "file_id": "f", "caption": "look", "file": {**shown, "mood": "new"}}
    event = decode_frame(msgspec.json.encode({**message(3), "payload": payload}))
    assert isinstance(event, Arrived)
    assert event.file == SentFile(file_id="f", caption="look", **shown)
    assert event.text == "look"
    text = decode_frame(msgspec.json.encode(message(4)))
    assert isinstance(text, Arrived)
    assert text.file is None


def test_a_receipt_and_an_error_keep_what_they_say() -> None:
    receipt = decode_frame(
        b'{"type":"receipt","offset":9,"conversation_id":"c","username":"bo","status":"READ",'
        b'"sequence_number":4,"at":"2026-11-21T10:15:30.123Z"}'
    )
    assert isinstance(receipt, Receipt)
    assert (receipt.username, receipt.status, receipt.sequence_number) == ("bo", "READ", 4)
    error = decode_frame(b'{"type":"error","problem":{"status":409,"code":"message_id_conflict"}}')
    assert isinstance(error, ErrorReported)
    assert error.problem.code == "message_id_conflict"


def test_what_people_do_to_messages_is_told_and_shown_with_the_message() -> None:
    place = {"message_id": "m", "conversation_id": "c", "sequence_number": 4, "offset": 9}
    at = "2026-11-21T10:15:30.123Z"
    told: list[dict[str, Any]] = [
        {"type": "edited", "payload": {"type": "text", "text": "hello"}, "edited_at": at},
        {"type": "unsent", "unsent_at": at},
        {"type": "reacted", "username": "bo", "reactions": ["👍"], "at": at},
        {"type": "pressed", "username": "bo", "data": "yes", "at": at},
    ]
    edited, unsent, reacted, pressed = [decode_frame(msgspec.json.encode({**place, **one})) for one in told]
    assert isinstance(edited, Edited)
    assert isinstance(unsent, Unsent)
    assert isinstance(reacted, Reacted)
    assert isinstance(pressed, Pressed)
    assert (edited.text, reacted.reactions, pressed.data, unsent.offset) == ("hello", ("👍",), "yes", 9)
    reactions = [{"username": "bo", "reactions": ["👍"]}]
    shown = decode_frame(msgspec.json.encode({**message(3), "edited_at": at, "reactions": reactions}))
    assert isinstance(shown, Arrived)
    assert marks_of(shown) == "  (edited, 👍 bo)"


def test_a_frame_of_a_kind_that_is_not_known_yet_is_passed_over() -> None:
    assert decode_frame(b'{"type":"reaction","emoji":"+1"}') is None


@pytest.mark.parametrize("frame", [b'{"type":"receipt"}', b"{}", b"[]", b"nothing", b""])
def test_what_is_no_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_frame(frame)


@given(st.integers(1, 50), st.none() | st.floats(0, 60), st.floats(0, 1))
def test_a_wait_is_bounded_and_never_shorter_than_the_server_asks(
    attempt: int, asked: float | None, dice: float
) -> None:
    wait_s = backoff_s(attempt, asked, dice)
    assert 0 < wait_s - (asked or 0) <= LONGEST_BACKOFF_S * 1.5 + 1e-9


def test_waits_grow_and_spread() -> None:
    assert [backoff_s(n, None, 0.5) for n in (1, 2, 3, 9)] == [0.1, 0.2, 0.4, 2.0]
    assert (backoff_s(1, None, 0.0), backoff_s(1, None, 1.0)) == (0.05, 0.1 * 1.5)


def test_the_environment_beats_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "parley.env"
    file.write_text("# made by the stack\nPARLEY_GATEWAY_URL='http://127.0.0.1:20080'\n\nnonsense\n")
    named = {"PARLEY_SETTINGS": str(file)}
    assert gateway_url(named) == "http://127.0.0.1:20080"
    assert gateway_url({**named, "PARLEY_GATEWAY_URL": "http://x"}) == "http://x"
    assert gateway_url({"PARLEY_STATE": str(tmp_path)}) == "http://127.0.0.1:20080"
    assert gateway_url({"PARLEY_SETTINGS": str(tmp_path / "none")}) == "http://127.0.0.1:8080"
    assert read_settings(file) == {"PARLEY_GATEWAY_URL": "http://127.0.0.1:20080"}
