"""The server under a service: uvicorn, without what the process does itself."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from libs.common import tracing
from libs.common.clock import new_id
from libs.common.errors import malformed
from libs.common.http.answers import problem_answer
from libs.common.telemetry import traceparent


class Joined:
    """A transport that writes once in a turn of the loop: uvicorn's head and body go as one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._transport.write(data)


class _Protocol(HttpToolsProtocol):
    """What is no HTTP is answered as everything else is: as a problem."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, Joined(transport, self.loop)))

    def send_400_response(self, msg: str) -> None:
        traceparent.set(tracing.enter(None))
        _, body, headers = problem_answer(malformed("This is not a request that HTTP knows."), "/")
        headers += [
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", new_id().encode()),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers), b"", body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()


class _Server(uvicorn.Server):
    """Uvicorn whose signals are handled by the process, which has more to stop than HTTP."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leave = asyncio.Event()

    async def main_loop(self) -> None:
        """Uvicorn's own looks ten times a second whether it is to end: most of what an idle service would cost."""
        await self.leave.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, host: str, port: int) -> AsyncIterator[int]:
    """Answers on host and this port, or any for 0, inside the block; on leaving, requests under way get 5 s to finish.

    Raises `OSError` when the port is taken.
    """
    listener = socket.create_server((host, port))  # uvicorn's own would end the process
    config = uvicorn.Config(
        app,
        loop="none",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        backlog=1024,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
    finally:
        server.leave.set()
        await task
