"""What stands in the way of a call: delays, proxies that answer in the platform's place, broken connections."""

import asyncio
from collections.abc import Awaitable

from fastapi import Request
from fastapi.responses import Response

from connectors.simulator.faults import Faults
from connectors.simulator.server import reset_connection

PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
TITLES = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class Cut(Exception):
    """The connection is gone: there is nobody to answer."""


class Broken(Exception):
    """Somebody in front of the platform answers in its place."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def suffer(faults: Faults, request: Request, chat: int | str | None) -> None:
    """What stands in the way of every call (None), or of calls for this chat. Raises `Cut` and `Broken`."""
    if late := faults.hit("delay", chat=chat):
        await asyncio.sleep(late.seconds)
    broken = faults.hit("error", "reset", chat=chat)
    if broken and broken.kind == "error":
        raise Broken(broken.status)
    if broken:
        cut(request)


def lose(faults: Faults, request: Request, chat: int | str | None) -> None:
    """What was done is not told. Raises `Cut`."""
    if (chat is not None and faults.hit("lost", chat=chat)) or faults.hit("lost"):
        cut(request)


def cut(request: Request) -> None:
    reset_connection(request.scope)
    raise Cut


async def reaching(answering: Awaitable[Response]) -> Response:
    """The answer, unless something stood in its way."""
    try:
        return await answering
    except Broken as error:
        title = f"{error.status} {TITLES.get(error.status, 'Error')}"
        return Response(PAGE.format(title), error.status, media_type="text/html")
    except Cut:
        return Response()
