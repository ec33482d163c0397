"""What the demo prints, from stories told by hand; the real one plays on the real stack."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import clients.parley
from clients.parley.cli import app
from clients.parley.demos import cross_platform, files, telegram
from clients.parley.demos.basic import Account, Step, Story, Told, timeline
from clients.parley.demos.killed import Interrupted
from clients.parley.demos.offline import verdict
from clients.parley.demos.show import show_story
from clients.parley.objects import StatusChange

START = datetime(2026, 11, 21, 10, 15, 30, 123000, tzinfo=UTC)


def change(status: str, after_ms: float) -> StatusChange:
    return StatusChange(status, START + timedelta(milliseconds=after_ms), recipient="bo", channel="internal")


def story(*missing: str) -> Story:
    told = Told(
        message_id="m1",
        sequence_number=1,
        sender="ana-1",
        by="HTTP",
        read_by="socket",
        text="hi",
        status="SENT" if missing else "READ",
        timeline=(Step("ACCEPTED", START, 0), Step("SENT", START, 8.4)),
    )
    users = (Account("ana-1", "secret"), Account("bo-1", "other"))
    return Story(gateway="http://g", users=users, conversation_id="c1", messages=(told,), missing=tuple(missing))


def printed(what: Story) -> str:
    console = Console(record=True, width=120, file=None, quiet=False)
    with console.capture() as capture:
        show_story(what, console)
    return capture.get()


def test_the_timeline_takes_the_first_of_each_step_and_counts_from_acceptance() -> None:
    history = (
        change("READ", 40),
        change("SENT", 8),
        change("ACCEPTED", 0),
        change("DELIVERED", 15),
        change("READ", 90),
    )
    assert [(step.status, step.after_ms) for step in timeline(history)] == [
        ("ACCEPTED", 0.0),
        ("SENT", 8.0),
        ("DELIVERED", 15.0),
        ("READ", 40.0),
    ]
    assert timeline(()) == ()


def test_a_whole_story_ends_with_lines_to_go_on() -> None:
    text = printed(story())
    assert "10:15:30.123" in text
    assert "+8 ms" in text
    assert "username=ana-1 -d password=secret" in text
    assert "Not reached" not in text


def test_what_was_not_reached_is_said_and_nothing_else_promised() -> None:
    text = printed(story("message 1: SENT instead of READ"))
    assert "message 1: SENT instead of READ" in text
    assert "curl" not in text


@pytest.mark.parametrize(
    ("received", "numbers", "recovered", "status", "words"),
    [
        (["a", "b", "c"], [1, 2, 3], True, "DELIVERED", []),
        (["a", "c"], [1, 3], True, "DELIVERED", ["1 of 3 texts did not arrive"]),
        (["a", "b", "b", "c"], [1, 2, 2, 3], True, "DELIVERED", ["1 texts arrived twice"]),
        (["a", "c", "b"], [1, 3, 2], True, "DELIVERED", ["the texts did not arrive in their order"]),
        (["a", "b", "c"], [1, 2, 3], False, "DELIVERED", ["the connection did not resume where it was cut"]),
        (["a", "b", "c"], [1, 2, 3], True, "SENT", ["the last text is SENT for its sender"]),
    ],
)
def test_the_offline_demo_says_what_went_wrong(
    received: list[str], numbers: list[int], recovered: bool, status: str, words: list[str]
) -> None:
    assert verdict(["a", "b", "c"], received, numbers, recovered, status) == words


def interrupted(**changes: Any) -> Interrupted:
    told: dict[str, Any] = {"file_id": "f", "killed_at_percent": 50, "killed_after_ms": 9.0, "resumed": True}
    told |= {"parts": 12, "parts_kept": 5, "parts_sent": 7, "bytes_sent": 7, "resumed_ms": 9.0, "verified_ms": 9.0}
    return Interrupted(**told | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"resumed": False, "parts_kept": 0, "parts_sent": 12}, ["did not resume"]),
        ({"parts_kept": 0, "parts_sent": 12}, ["12 of 12 parts went again"]),
        ({"parts_sent": 12}, ["12 of 12 parts went again"]),
        ({"parts": 1, "parts_kept": 0, "parts_sent": 1}, []),
    ],
)
def test_the_files_demo_says_what_did_not_resume(changes: dict[str, Any], words: list[str]) -> None:
    found = files.verdict(interrupted(**changes))
    assert len(found) == len(words)
    assert all(said in told for said, told in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("statuses", "arrived", "words"),
    [
        (("SENT", "SENT"), ("a", "b"), []),
        (("SENT", "FAILED"), ("a",), ["“b” is FAILED instead of SENT", "on the phone stands a: not each text"]),
        (("SENT", "SENT"), ("b", "a"), ["on the phone stands b, a: not each text"]),
        (("SENT", "SENT"), ("a", "a", "b"), ["on the phone stands a, a, b: not each text"]),
    ],
)
def test_the_telegram_demo_says_what_went_wrong(
    statuses: tuple[str, ...], arrived: tuple[str, ...], words: list[str]
) -> None:
    sent = tuple(
        telegram.Sent(text=text, status=status, status_ceiling="SENT", attempts=1, after_ms=1.0)
        for text, status in zip("ab", statuses, strict=True)
    )
    found = telegram.verdict(sent, arrived)
    assert len(found) == len(words)
    assert all(said in told for said, told in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("read", "on_instagram", "words"),
    [
        (("whatsapp", "instagram"), (cross_platform.QUESTION,), []),
        (("whatsapp",), (cross_platform.QUESTION,), ["it is not READ on instagram"]),
        (("whatsapp", "instagram"), (cross_platform.QUESTION,) * 2, ["on instagram stands Dinner at eight?, Dinner"]),
        (("whatsapp", "instagram"), (), ["on instagram stands nothing"]),
    ],
)
def test_the_demo_across_platforms_says_what_went_wrong(
    read: tuple[str, ...], on_instagram: tuple[str, ...], words: list[str]
) -> None:
    reached = [cross_platform.Reached(channel=channel, status="READ", after_ms=1.0) for channel in read]
    arrived = {"whatsapp": (cross_platform.QUESTION,), "instagram": on_instagram}
    found = cross_platform.verdict(arrived, reached)
    assert len(found) == len(words)
    assert all(told.startswith(said) for said, told in zip(words, found, strict=True))


def test_nobody_at_home_is_one_clear_line_and_no_trace() -> None:
    result = CliRunner().invoke(app, ["demo", "basic", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 2
    assert "Parley does not answer at http://127.0.0.1:9: is it up? `make up`" in result.stderr
    assert "Traceback" not in result.output


def test_the_command_says_the_version_of_the_project() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert clients.parley.__version__ == project["version"]
    assert CliRunner().invoke(app, ["version"]).stdout == f"parley {clients.parley.__version__}\n"
