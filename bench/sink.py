"""`python -m bench.sink` receives traces: it keeps none, for runs that measure what recording costs, or shows them."""

import asyncio
import time
from contextlib import suppress
from typing import Annotated

import httptools
import typer
import uvloop
from google.protobuf.message import DecodeError

from bench.program import program
from bench.trees import Gathering, tree

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
LOOK_EVERY_S = 0.5


class Sink:
    """What all connections have brought."""

    def __init__(self, gathering: Gathering | None = None) -> None:
        self.requests = 0
        self.size = 0
        self.gathering = gathering

    def take(self, body: bytes) -> None:
        self.requests += 1
        self.size += len(body)
        if self.gathering is not None:
            with suppress(DecodeError):
                self.gathering.take(body, time.monotonic())


class Connection(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._body = bytearray()
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._sink.take(bytes(self._body))
        self._body.clear()
        self._transport.write(ANSWER)


async def listen(sink: Sink, port: int) -> None:
    """For ever."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sink), "127.0.0.1", port)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    typer.echo(f"traces to {url} are {'shown' if sink.gathering else 'dropped'}; Ctrl-C says how much came", err=True)
    async with server:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for spans in sink.gathering.complete(time.monotonic()) if sink.gathering else ():
                typer.echo(tree(spans))


def main(
    port: Annotated[int, typer.Option(help="Where to listen, on this machine alone.")] = 4318,
    show: Annotated[bool, typer.Option("--show", help="Print each trace as a tree.")] = False,
) -> None:
    """Take traces, OTLP over HTTP."""
    sink = Sink(Gathering() if show else None)
    try:
        uvloop.run(listen(sink, port))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        raise typer.BadParameter(f"cannot listen there: {error.strerror}", param_hint="--port") from None
    typer.echo(f"{sink.requests:,} requests, {sink.size / 1e6:,.1f} MB", err=True)


if __name__ == "__main__":
    program(main)()
