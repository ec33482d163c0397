"""Routes in words, from the command line and back."""

from datetime import UTC, datetime

import pytest
import typer

from clients.parley.cli.route import read_route, route_line
from clients.parley.objects import RoutePlace, Step

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_route_is_read_as_it_is_written() -> None:
    assert read_route("internal:delivered:60, whatsapp", None) == [Step("internal", "DELIVERED", 60), Step("whatsapp")]
    assert read_route(None, ["telegram"]) is None


@pytest.mark.parametrize("text", ["", "internal:DELIVERED:60:1,whatsapp", "internal:DELIVERED:soon", "internal::60"])
def test_what_cannot_be_read_is_said(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        read_route(text, None)
    assert "CHANNEL:STATUS:SECONDS" in capsys.readouterr().err


def test_a_route_stands_in_place_of_channels() -> None:
    with pytest.raises(typer.Exit):
        read_route("internal", ["telegram"])


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            RoutePlace("bo", "waiting", 0, "internal", datetime(2026, 11, 21, 10, tzinfo=UTC)),
            "bo: waiting for internal",
        ),
        (RoutePlace("bo", "reached", 0, "internal"), "bo: internal was enough"),
        (RoutePlace("bo", "last", 1, "telegram"), "bo: telegram is the last channel"),
    ],
)
def test_how_far_it_has_come_is_one_line(place: RoutePlace, words: str) -> None:
    assert route_line(place).startswith(words)
