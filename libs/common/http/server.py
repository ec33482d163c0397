"""The server under a service: uvicorn, without what the process does itself."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from libs.common import tracing
from libs.common.clock import new_id
from libs.common.errors import malformed
from libs.common.http.answers import problem_answer
from libs.common.telemetry import traceparent


class _Protocol(HttpToolsProtocol):
    """What is no HTTP is answered as everything else is: as a problem."""

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

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, host: str, port: int) -> AsyncIterator[None]:
    """Answers on host:port inside the block; on leaving, requests under way get 5 s to finish.

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
        yield
    finally:
        server.should_exit = True
        await task
