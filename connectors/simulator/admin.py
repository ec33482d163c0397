"""What the platforms' own interfaces for tests have alike: limits, counts, and the files that people send."""

from collections.abc import Callable, Mapping, Sized
from typing import Any, Protocol

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from connectors.simulator.files import Files, Stored
from connectors.simulator.interface import Json, shown
from connectors.simulator.journal import Journal


class Limited(Protocol):
    """`limits` is made anew with other `rates`."""

    limits: Any


class Counted(Protocol):
    @property
    def journal(self) -> Journal: ...

    @property
    def calls(self) -> Mapping[str, int]: ...

    @property
    def messages(self) -> Sized: ...

    @property
    def people(self) -> Sized: ...


class Waiting(Protocol):
    """What waits to be told of one account; what came too late, and what was too much."""

    expired: int
    dropped: int

    def __len__(self) -> int: ...


def limit_routes(router: APIRouter, world: Limited, of_platform: msgspec.Struct) -> None:
    """`GET` and `PUT` of `/limits`, where the router stands."""
    fields = ", ".join(f"{name}?" for name in of_platform.__struct_fields__)

    @router.get("/limits", tags=["Faults"])
    async def limits() -> Response:
        return shown(world.limits.rates)

    @router.put("/limits", tags=["Faults"], description=f"`{{{fields}}}`: what is not named is as on the platform.")
    async def set_limits(body: Json) -> Response:
        rates = msgspec.convert({**msgspec.structs.asdict(of_platform), **body}, type(of_platform))
        world.limits = type(world.limits)(rates)
        return shown(rates)


def count_route(router: APIRouter, world: Counted, waiting: Callable[[], Mapping[Any, Waiting]]) -> None:
    """`GET` of `/counts`, where the router stands; `waiting` is by account."""

    @router.get("/counts", tags=["Records"])
    async def counts() -> Response:
        updates = {
            account: {"waiting": len(each), "expired": each.expired, "dropped": each.dropped}
            for account, each in waiting().items()
        }
        kept = {"messages": len(world.messages), "people": len(world.people)}
        return shown({"accepted": world.journal.counts, "calls": world.calls, "updates": updates, "kept": kept})


async def brought(files: Files, request: Request, filename: str, size: int | None, most: int) -> Stored:
    """The body is the file, of which `most` bytes are kept; with `size` there is none, and so many are made up."""
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0]
    if size is not None:
        return files.make_up(filename, kind, size)
    incoming = files.incoming(most)
    async for chunk in request.stream():
        incoming.write(chunk)
    return files.keep(incoming, filename, kind)
