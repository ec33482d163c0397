"""The simulator as a program: it says where it is, and ends when it is told to."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

HALF = (
    b"POST /bot77:a-token-for-tests/sendMessage HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)


@asynccontextmanager
async def program() -> AsyncIterator[tuple[Process, str]]:
    """And where it says that it listens."""
    settings = {"PARLEY_SIMULATOR_TELEGRAM_TOKENS": '["77:a-token-for-tests"]'}
    command = (sys.executable, "-m", "connectors.simulator", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **settings}, stdout=PIPE, stderr=PIPE)
    try:
        assert process.stdout
        async with asyncio.timeout(60):
            said = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, said
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()


async def ended(process: Process) -> bytes:
    """What it had to complain of until it ended well."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        _, complaints = await process.communicate()
    assert process.returncode == 0
    return complaints


async def test_it_says_where_it_listens_and_ends_at_once_on_sigterm() -> None:
    async with program() as (process, url):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            me = await http.get(f"{url}/bot77:a-token-for-tests/getMe")
            described = await http.get(f"{url}/_sim/openapi.json")
        assert me.json()["result"]["id"] == 77
        assert "/_sim/telegram/people/{who}/say" in described.json()["paths"]
        await ended(process)


async def test_who_breaks_off_in_the_middle_of_a_call_leaves_nothing_behind() -> None:
    async with program() as (process, url):
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(HALF)
        await writer.drain()
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            await http.get(f"{url}/_sim/openapi.json")
            writer.close()
            await writer.wait_closed()
            await http.get(f"{url}/_sim/openapi.json")
        assert b"Traceback" not in await ended(process)
