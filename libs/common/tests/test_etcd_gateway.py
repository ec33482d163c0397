"""What etcd's gateway says, in all of its forms: in whole and broken lines, refused, silent."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import etcd
from libs.common.errors import Unavailable
from libs.common.etcd import Event, Header, KeyValue, Watched
from libs.common.etcd_gateway import RefusedError, Trouble, split, trouble

OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def lines_of(chunks: Sequence[bytes]) -> list[bytes]:
    async def come() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [line async for line in split(come())]


@given(st.lists(st.text("ab\n", max_size=5).map(str.encode)))
async def test_lines_are_the_same_however_they_are_cut(chunks: list[bytes]) -> None:
    assert await lines_of(chunks) == b"".join(chunks).split(b"\n")[:-1]


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (503, b'{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}'),
        (503, b'{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}'),
        (200, b'{"error":{"code":14,"message":"etcdserver: no leader","details":[]}}'),
    ],
    ids=["a call", "a stream before 3.6", "a stream"],
)
def test_what_passes_is_unavailable_however_it_is_told(status: int, content: bytes) -> None:
    found = trouble(content).raised(status)
    assert isinstance(found, Unavailable)
    assert "no leader" in str(found)


def test_what_stands_before_etcd_may_answer_in_its_stead() -> None:
    assert isinstance(trouble(b"<html>Bad Gateway</html>").raised(502), Unavailable)


def test_what_will_never_do_is_refused_with_its_code() -> None:
    found = Trouble("etcdserver: requested lease not found", code=5).raised(404)
    assert isinstance(found, RefusedError)
    assert found.code == 5


@pytest.mark.parametrize(
    ("answer", "revision"),
    [
        (Watched(Header(90), created=True), 7),  # what came before it was created is still to come
        (Watched(Header(90), [Event(KeyValue(b"a", mod_revision=8)), Event(KeyValue(b"b", mod_revision=9))]), 9),
        (Watched(Header(90)), 90),  # nothing has changed until there
        (Watched(Header(6)), 7),
        (Watched(Header(90), canceled=True), 7),
        (Watched(Header(90), canceled=True, compact_revision=50), 0),
    ],
)
def test_a_watch_goes_on_after_what_it_has_seen(answer: Watched, revision: int) -> None:
    assert answer.seen(7) == revision


class Moody:
    """Says nothing to the first watch, ends the second with a trouble, and serves the third."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = json.loads(await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0])))
        writer.write(OK)
        if "range" in head:
            self.say(writer, {"header": {"revision": "4"}})
            writer.write(b"0\r\n\r\n")
        else:
            self.asked.append(body["create_request"]["start_revision"])
            self.watched(writer)
        await reader.read()
        writer.close()

    def watched(self, writer: asyncio.StreamWriter) -> None:
        if len(self.asked) > 1:
            self.say(writer, {"result": {"header": {"revision": "9"}, "created": True}})
        if len(self.asked) == 2:
            self.say(writer, {"error": {"grpc_code": 14, "message": "etcdserver: no leader"}})
        if len(self.asked) > 2:
            kept = {"key": "L2E=", "value": "MQ==", "mod_revision": "9"}
            self.say(writer, {"result": {"header": {"revision": "9"}, "events": [{"kv": kept}]}})

    def say(self, writer: asyncio.StreamWriter, what: object) -> None:
        line = json.dumps(what).encode() + b"\n"
        writer.write(b"%x\r\n%b\r\n" % (len(line), line))


async def test_a_watch_that_is_not_answered_or_broken_off_is_asked_for_again() -> None:
    moody, changed = Moody(), asyncio.Queue[tuple[str, bytes | None]]()
    server = await asyncio.start_server(moody.serve, "127.0.0.1", 0)
    endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, etcd.connect(endpoint, deadline_s=1) as registry:
        watching = asyncio.create_task(registry.watch("/a", lambda _: None, lambda *change: changed.put_nowait(change)))
        async with asyncio.timeout(30):
            assert await changed.get() == ("/a", b"1")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert len(moody.asked) >= 3
    assert set(moody.asked) == {"5"}
