"""Routes on the command line: `internal:DELIVERED:60,whatsapp`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from clients.parley.cli.output import clean
from clients.parley.cli.running import NOT_REACHED, failure
from clients.parley.objects import RoutePlace, Step

FORM = "A route is CHANNEL:STATUS:SECONDS,…,CHANNEL, such as internal:DELIVERED:60,whatsapp."

RouteOption = Annotated[
    str | None,
    typer.Option(
        "--route",
        metavar="ROUTE",
        help="Channels one after the other, each until a status, for so many seconds: internal:DELIVERED:60,whatsapp.",
    ),
]


def read_route(text: str | None, channels: Sequence[str] | None) -> list[Step] | None:
    """What it says is checked by the server; here only that it can be read."""
    if text is None:
        return None
    if channels:
        raise failure("--route names its own channels: give it without --channel.", NOT_REACHED)
    return [_step(part) for part in text.split(",")]


def route_line(place: RoutePlace) -> str:
    who, where = clean(place.recipient), clean(place.channel)
    if place.due_at:
        return f"{who}: waiting for {where}, the next channel at {place.due_at.astimezone():%H:%M:%S}"
    return f"{who}: {where} was enough" if place.state == "reached" else f"{who}: {where} is the last channel"


def _step(part: str) -> Step:
    channel, *more = (word.strip() for word in part.split(":"))
    if len(more) > 2 or not channel or not all(more):
        raise failure(FORM, NOT_REACHED)
    until = more[0].upper() if more else None
    try:
        return Step(channel, until, int(more[1]) if len(more) == 2 else None)
    except ValueError:
        raise failure(FORM, NOT_REACHED) from None
