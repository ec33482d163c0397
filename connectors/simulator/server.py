"""The door of the simulator: a server that can also slam it, by resetting a connection or by refusing them all."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Generator
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RESET = "parley.reset"
NO_LINGERING = struct.pack("ii", 1, 0)


def reset_connection(scope: Scope) -> None:
    """Whoever waits at the other end gets ECONNRESET; nothing may be answered any more."""
    abort: Callable[[], None] = scope["extensions"][RESET]
    abort()


class _Protocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {RESET: self._reset}

    def _reset(self) -> None:
        duplicate = socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno()))
        with duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)
        self.cycle.disconnected = True
        self.transport.abort()


class _Server(uvicorn.Server):
    """Signals are the process's own business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Door:
    """Answers at `url` inside the block; port 0 takes a free one, and keeps it."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self.port = port
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._refusing: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._refusing:
            self._refusing.cancel()
            await asyncio.gather(self._refusing, return_exceptions=True)
        await self._close()

    def refuse(self, seconds: float) -> None:
        """Nobody listens for a while; who is connected gets the answer that is under way, and then the end."""
        if self._refusing is None or self._refusing.done():
            self._refusing = asyncio.create_task(self._refuse(seconds))

    async def _refuse(self, seconds: float) -> None:
        """The port stays bound meanwhile: no connection and no server of anybody else is given it."""
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for listening in self._server.servers if self._server else ():
                listening.close()
            holder.bind((self._host, self.port))
            await self._close()
            await asyncio.sleep(seconds)
            await self._open()

    async def _open(self) -> None:
        listener = socket.create_server((self._host, self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            loop="none",
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            backlog=1024,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]))
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.005)

    async def _close(self) -> None:
        if self._server and self._serving:
            self._server.should_exit = True
            await self._serving
            self._server = self._serving = None
