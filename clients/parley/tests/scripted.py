"""Small real servers on loopback that answer by a script: what the client meets when a platform misbehaves."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import msgspec
import picows

Frame = dict[str, object]
Script = Callable[[picows.WSTransport, Frame], None]


def pass_over(transport: picows.WSTransport, frame: Frame) -> None:
    """Reacts to nothing."""


@contextmanager
def nobody() -> Iterator[str]:
    """An address where nobody listens: its port is held, so that it is nobody else's meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@asynccontextmanager
async def http_server(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers the requests with `answers` in turn (b"" hangs up instead); yields its address and what was asked."""
    asked: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(h[15:]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")), 0)
        asked.append(head + await reader.readexactly(length))
        writer.write(left.pop(0))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def answer(status: int, body: object, *headers: str) -> bytes:
    """One HTTP answer with a JSON body."""
    content = msgspec.json.encode(body)
    kind = "application/problem+json" if status >= 400 else "application/json"
    lines = [f"HTTP/1.1 {status} x", f"Content-Type: {kind}", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


@asynccontextmanager
async def socket_server(
    on_open: Callable[[picows.WSTransport], None], script: Script, on_auth: Script = pass_over
) -> AsyncIterator[str]:
    """A chat socket that says `on_open` first and then reacts to each frame by `script`, to `auth` by `on_auth`."""

    class Listener(picows.WSListener):
        def on_ws_connected(self, transport: picows.WSTransport) -> None:
            on_open(transport)

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            if frame.msg_type == picows.WSMsgType.TEXT:
                heard = msgspec.json.decode(frame.get_payload_as_bytes())
                (on_auth if heard["type"] == "auth" else script)(transport, heard)
            elif frame.msg_type == picows.WSMsgType.CLOSE:
                transport.send_close(picows.WSCloseCode.OK)
                transport.disconnect()

    server = await picows.ws_create_server(lambda request: Listener(), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def platform(script: Script, on_auth: Script, answers: Callable[[str, bytes], bytes]) -> AsyncIterator[str]:
    """A chat socket and HTTP answers behind one address; `answers` is told "METHOD path" and the body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b" HTTP/1.1", 1)[0].decode()
        if line == "GET /v1/ws":
            await _pass_on(head, reader, writer, sockets)
        else:
            length = next((int(h[15:]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")), 0)
            writer.write(answers(line, await reader.readexactly(length)))
        writer.close()

    async with socket_server(lambda transport: None, script, on_auth) as sockets:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _pass_on(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> None:
    """Both ways, until either side is gone."""
    back, forth = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    forth.write(head)
    ways = [asyncio.create_task(_pump(reader, forth)), asyncio.create_task(_pump(back, writer))]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    forth.close()
    for way in ways:
        way.cancel()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)


def push(transport: picows.WSTransport, **frame: object) -> None:
    """One frame of the server."""
    transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(frame))


def say_ready(transport: picows.WSTransport, recovered: bool | None = None) -> None:
    """What a server says first."""
    push(transport, type="ready", connection_id="c1", username="ana", epoch="e1", offset=0, recovered=recovered)


def say_caught_up(transport: picows.WSTransport, offset: int) -> None:
    push(transport, type="caught_up", epoch="e1", offset=offset)


def message(number: int) -> dict[str, object]:
    """A message frame as the contract shows it."""
    return {
        "type": "message",
        "offset": number,
        "message_id": f"m{number}",
        "conversation_id": "c",
        "sequence_number": number,
        "from": "bo",
        "to": ["ana"],
        "channels": ["internal"],
        "payload": {"type": "text", "text": f"text {number}"},
        "reply_to": None,
        "metadata": None,
        "status": "SENT",
        "created_at": "2026-11-21T10:15:30.123Z",
    }
