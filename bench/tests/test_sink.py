"""The receiver that keeps nothing takes everything."""

import asyncio

import httpx

from bench.sink import Sink


async def test_the_sink_takes_whatever_comes() -> None:
    before = Sink.requests, Sink.size
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/traces"
    async with server, httpx.AsyncClient() as http:
        answers = [await http.post(url, content=b"x" * 100_000) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert (Sink.requests - before[0], Sink.size - before[1]) == (3, 300_000)
