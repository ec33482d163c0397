"""Files in words: in messages, in tables, and while they are on their way."""

from typing import Any

import msgspec
import pytest

from clients.parley import Message, Progress
from clients.parley.cli.transfers import Transfer
from clients.parley.cli.words import bytes_of, duration_of, reason_of, short_text_of, speed_of, text_of
from clients.parley.tests.scripted import message

FILE: dict[str, Any] = {"filename": "cat.png", "size": 52_000, "content_type": "image/png", "sha256": "0" * 64}


def sent(**payload: Any) -> Message:
    return msgspec.convert({**message(1), "payload": {"type": "file", "file_id": "f1", **payload}}, Message)


def test_a_file_is_shown_with_its_size_and_how_to_get_it() -> None:
    assert text_of(sent(file=FILE)) == "📎 cat.png (52.0 kB)  parley download f1"
    assert text_of(sent(file=FILE, caption="look")).split("\n")[1] == "look"


def test_in_a_table_it_is_one_short_line() -> None:
    assert short_text_of(sent(file=FILE, caption="a cat")) == "bo: 📎 cat.png (52.0 kB) a cat"
    assert len(short_text_of(sent(file=FILE, caption="a cat" * 9))) == 40


def test_a_name_cannot_pass_for_another_line_or_steer() -> None:
    told = text_of(sent(file=FILE | {"filename": "a\n10:15 ben  hi\x1b[2J"}))
    assert ("\n" in told, "\x1b" in told) == (False, False)


def test_a_file_of_a_newer_platform_and_a_text_are_words_all_the_same() -> None:
    assert text_of(sent(file={"filename": 7})) == "[file]"
    assert text_of(msgspec.convert(message(3), Message)) == "text 3"


@pytest.mark.parametrize(
    ("words", "count"), [("100MB", 10**8), ("1.5 GB", 15 * 10**8), ("64MiB", 2**26), ("7", 7), ("20 mb", 2 * 10**7)]
)
def test_sizes_are_read_as_people_write_them(words: str, count: int) -> None:
    assert bytes_of(words) == count


@pytest.mark.parametrize("words", ["", "MB", "-1", "1 TB", "1e9", "٣MB "])
def test_what_is_no_size_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        bytes_of(words)


def test_speeds_and_times_are_short() -> None:
    assert (speed_of(10**8, 2.0), speed_of(0, 1.0), speed_of(5, 0.0)) == (" (50.0 MB/s)", "", "")
    assert (duration_of(0.25), duration_of(1.25), duration_of(125)) == ("250 ms", "1.2 s", "2 min 5 s")


def test_without_a_terminal_every_tenth_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Transfer(silent=False, quiet_s=0) as transfer:
        for done in range(0, 1001, 20):
            transfer.tell(Progress(phase="uploading", name="cat\x1b.png", done=done, total=1000))
        transfer.tell(Progress(phase="verifying", name="cat\x1b.png", done=1000, total=1000))
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert (told.out, len(lines)) == ("", 12)
    assert lines[0] == "uploading cat␛.png:   0 %  0 bytes of 1.0 kB"
    assert lines[5] == "uploading cat␛.png:  50 %  500 bytes of 1.0 kB"
    assert lines[-1] == "verifying cat␛.png"


def test_what_goes_on_says_what_is_there_already(capsys: pytest.CaptureFixture[str]) -> None:
    with Transfer(silent=False, quiet_s=0) as transfer:
        transfer.tell(
            Progress(phase="uploading", name="cat.png", done=500, total=1000, kept=500, parts=4, parts_kept=2)
        )
    assert capsys.readouterr().err.splitlines()[0] == (
        "cat.png: 2 of 4 parts (500 bytes) are there already, the rest follows."
    )


def test_without_a_terminal_a_quick_one_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Transfer(silent=False, quiet_s=60) as transfer:
        for phase in ("uploading", "verifying"):
            transfer.tell(Progress(phase=phase, name="cat.png", done=1000, total=1000))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            {"code": "no_address", "detail": "The recipient has no address there."},
            "The recipient has no address there. (no_address)",
        ),
        ({"code": "expired", "detail": None}, "expired"),
        ({"why": "new"}, "{'why': 'new'}"),
    ],
)
def test_why_a_delivery_failed_is_said_in_words(error: Any, words: str) -> None:
    assert reason_of(error) == words
