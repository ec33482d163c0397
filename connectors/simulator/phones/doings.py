"""What one does on a phone, over HTTP below `/_sim/phones`."""

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from connectors.simulator.files import Files, Stored
from connectors.simulator.interface import Body, Impossible
from connectors.simulator.phones.phone import Ability, Phones

MOST_FILE = 100 * 1024 * 1024
Done = Callable[[], Response]


class Said(Body):
    text: str = Field(min_length=1, max_length=20_000, pattern=r"\S")
    reply_to: str | None = None


class Placed(Body):
    """Degrees."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Reacted(Body):
    """`emoji` None takes the reaction back."""

    message: str
    emoji: str | None = None


class Pressed(Body):
    message: str
    data: str


class Edited(Body):
    message: str
    text: str = Field(min_length=1, max_length=20_000, pattern=r"\S")


class Unsent(Body):
    message: str


class Switched(Body):
    online: bool


def doing_routes(platforms: Mapping[str, Phones], done: Done) -> APIRouter:
    """`done` is told of each deed, and answers."""
    router = APIRouter(prefix="/_sim/phones/{channel}/{address}", tags=["Phones"])
    _talk(router, platforms, done)
    _change(router, platforms, done)
    _hold(router, platforms, done)
    return router


def phones_of(platforms: Mapping[str, Phones], channel: str, ability: Ability | None = None) -> Phones:
    """Raises `Impossible` where there are none, or none that can do this."""
    found = platforms.get(channel)
    if found is None:
        raise Impossible(f"there are no phones of {channel}")
    if ability and ability not in found.abilities:
        raise Impossible(f"{found.title} has no way to {ability}")
    return found


def _talk(router: APIRouter, platforms: Mapping[str, Phones], done: Done) -> None:
    @router.post("/say")
    async def say(channel: str, address: str, body: Said) -> Response:
        phones_of(platforms, channel).say(address, body.text, body.reply_to)
        return done()

    @router.post("/file")
    async def send(
        channel: str,
        address: str,
        request: Request,
        filename: Annotated[str, Query(min_length=1, max_length=255)],
        text: Annotated[str | None, Query(max_length=1_000)] = None,
    ) -> Response:
        """The body is the file, of 100 MiB at most."""
        phones = phones_of(platforms, channel, "file")
        stored = await _stored(phones.files, request, PurePath(filename).name)
        phones.send(address, stored, text or None, str(request.base_url))
        return done()

    @router.post("/place")
    async def place(channel: str, address: str, body: Placed) -> Response:
        phones_of(platforms, channel, "place").place(address, body.latitude, body.longitude)
        return done()

    @router.post("/press")
    async def press(channel: str, address: str, body: Pressed) -> Response:
        phones_of(platforms, channel).press(address, body.message, body.data)
        return done()


def _change(router: APIRouter, platforms: Mapping[str, Phones], done: Done) -> None:
    @router.post("/react")
    async def react(channel: str, address: str, body: Reacted) -> Response:
        phones_of(platforms, channel, "react").react(address, body.message, body.emoji)
        return done()

    @router.post("/edit")
    async def edit(channel: str, address: str, body: Edited) -> Response:
        phones_of(platforms, channel, "edit").edit(address, body.message, body.text)
        return done()

    @router.post("/unsend")
    async def unsend(channel: str, address: str, body: Unsent) -> Response:
        phones_of(platforms, channel, "unsend").unsend(address, body.message)
        return done()


def _hold(router: APIRouter, platforms: Mapping[str, Phones], done: Done) -> None:
    @router.post("/look")
    async def look(channel: str, address: str) -> Response:
        """Somebody holds it in their hands."""
        phones_of(platforms, channel).look(address)
        return done()

    @router.post("/switch")
    async def switch(channel: str, address: str, body: Switched) -> Response:
        """Off, it gets nothing; on again, it gets what waited."""
        phones_of(platforms, channel).switch(address, body.online)
        return done()


async def _stored(files: Files, request: Request, filename: str) -> Stored:
    incoming = files.incoming(MOST_FILE)
    try:
        async for chunk in request.stream():
            incoming.write(chunk)
            if incoming.size > MOST_FILE:
                raise Impossible("the file is too large")
    except BaseException:
        incoming.discard()
        raise
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0]
    return files.keep(incoming, filename, kind)
