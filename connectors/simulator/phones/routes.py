"""The page of phones at `/phones`, and what it looks at below `/_sim/phones`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response, StreamingResponse
from pydantic import Field

from connectors.capabilities import CHANNELS
from connectors.simulator.interface import Body, Impossible, Json, shown
from connectors.simulator.phones.changes import Changes
from connectors.simulator.phones.doings import doing_routes, phones_of
from connectors.simulator.phones.phone import Phone, Phones

PAGE = Path(__file__).parent / "page"
MOST_PHONES = 200
MOST_BUBBLES = 200
STRICT = {"content-security-policy": "default-src 'self'", "x-content-type-options": "nosniff"}
"""Whatever people write is text: nothing that stands in it can run."""


class NewPhone(Body):
    name: str = Field(min_length=1, max_length=64, pattern=r"\S")


def phone_routes(platforms: Mapping[str, Phones]) -> APIRouter:
    """By channel."""
    router = APIRouter()
    for file in PAGE.iterdir():
        path = "/phones" if file.name == "page.html" else f"/phones/{file.name}"
        router.add_api_route(path, _asset(file), include_in_schema=False)
    phones = APIRouter(prefix="/_sim/phones", tags=["Phones"])
    changes = Changes(platforms)
    _list(phones, platforms, changes)
    _look(phones, platforms)
    router.include_router(phones)
    router.include_router(doing_routes(platforms, changes.done))
    return router


def _asset(file: Path) -> Callable[[], Awaitable[FileResponse]]:
    async def asset() -> FileResponse:
        return FileResponse(file, headers={**STRICT, "cache-control": "no-cache"})

    return asset


def _list(router: APIRouter, platforms: Mapping[str, Phones], changes: Changes) -> None:
    @router.get("")
    async def every(named: str = "") -> Response:
        """200 phones with this in their name, those where something came last first; `count` is how many there are."""
        found = _named(platforms, named.casefold())
        channels = [_channel(phones) for phones in platforms.values()]
        return shown({"channels": channels, "items": found[:MOST_PHONES], "count": len(found)})

    @router.get("/changes")
    async def after(since: str = "") -> Response:
        """Answers as soon as anything is another than in the version `since`, or after 20 s."""
        return shown({"version": await changes.after(since)})

    @router.post("/{channel}", status_code=201)
    async def add(channel: str, body: NewPhone) -> Response:
        """Somebody new, who may be written to."""
        address = phones_of(platforms, channel).add(body.name.strip())
        changes.done()
        return shown({"address": address})


def _channel(phones: Phones) -> Json:
    """`window_h`: for how long after they wrote people may be written to; None is for ever."""
    window = CHANNELS[phones.channel].window
    told = {"channel": phones.channel, "title": phones.title, "account": phones.account}
    return {**told, "abilities": sorted(phones.abilities), "window_h": window.hours if window else None}


def _named(platforms: Mapping[str, Phones], part: str) -> Sequence[Phone]:
    every = [p for each in platforms.values() for p in reversed(each.people()) if part in p.name.casefold()]
    return sorted(every, key=lambda phone: -phone.at)


def _look(router: APIRouter, platforms: Mapping[str, Phones]) -> None:
    @router.get("/{channel}/{address}")
    async def bubbles(channel: str, address: str) -> Response:
        """The phone, and what stands on it, the newest last."""
        phones = phones_of(platforms, channel)
        items = phones.bubbles(address, MOST_BUBBLES)
        phone = next(each for each in phones.people() if each.address == address)
        return shown({"phone": phone, "items": items})

    @router.get("/{channel}/files/{file_id}")
    async def file(channel: str, file_id: str) -> Response:
        stored = phones_of(platforms, channel).files.get(file_id)
        if stored is None:
            raise Impossible("the file is no longer there")
        disposition = f"attachment; filename*=UTF-8''{quote(stored.filename)}"
        headers = {**STRICT, "content-length": str(stored.size), "content-disposition": disposition}
        return StreamingResponse(stored.read(), headers=headers, media_type=stored.content_type)
