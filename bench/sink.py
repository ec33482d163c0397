"""`python -m bench.sink` takes traces and keeps none: a receiver for runs that measure what recording costs."""

import asyncio
from contextlib import suppress
from typing import Annotated

import httptools
import typer
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection; `requests` and `size` count over all of them."""

    requests = 0
    size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop's is none by inheritance
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        Sink.size += len(body)

    def on_message_complete(self) -> None:
        Sink.requests += 1
        self._transport.write(ANSWER)


async def listen(port: int) -> None:
    """For ever."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    async with server:
        typer.echo(f"traces to http://127.0.0.1:{server.sockets[0].getsockname()[1]} are dropped; Ctrl-C says how many")
        await server.serve_forever()


def main(port: Annotated[int, typer.Option(help="Where to listen, on this machine alone.")] = 4318) -> None:
    """Take traces and keep none."""
    with suppress(KeyboardInterrupt):
        uvloop.run(listen(port))
    typer.echo(f"{Sink.requests:,} requests, {Sink.size / 1e6:,.1f} MB")


if __name__ == "__main__":
    typer.run(main)
