"""Frontend, router and presence as processes of a test's own, which tell a receiver what they do."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx

from clients.parley import ChatSocket, ParleyClient
from conftest import ROOT, Stack
from tests.conftest import Device, Person

SERVICES = ("frontend", "router", "presence")


@dataclass(frozen=True)
class Platform:
    """Beside the stack, on its servers: with topics and a database of its own, the stack's users and its log-in."""

    ports: Mapping[str, int]
    pids: Mapping[str, int]

    def client(self, person: Person) -> ParleyClient:
        """The same user, at this frontend."""
        return ParleyClient(f"http://127.0.0.1:{self.ports['frontend']}", access_token=person.client.access_token)

    @asynccontextmanager
    async def device(self, person: Person) -> AsyncIterator[Device]:
        """Of the same user, at this node; what it reads it acknowledges."""
        url = f"http://127.0.0.1:{self.ports['presence_ws']}"
        async with ChatSocket(url, person.client.access_token or "") as opened:
            device = Device(opened, acknowledges=True)
            await device.caught_up()
            yield device
            await device.close()


@asynccontextmanager
async def platform(stack: Stack, topic_prefix: str, database: str, **told: str) -> AsyncIterator[Platform]:
    """`told` are settings without their PARLEY_, in lower case."""
    ports = {name: _free_port() for name in (*SERVICES, "presence_ws")}
    settings = {f"{name}_port": str(port) for name, port in ports.items()}
    settings |= {"topic_prefix": topic_prefix, "mongo_database": database, **told}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    environment |= {f"PARLEY_{name.upper()}": value for name, value in settings.items()}
    environment["PARLEY_SETTINGS"] = str(stack.state / "parley.env")
    with ExitStack() as running:
        pids = {name: running.enter_context(_process(name, environment)).pid for name in SERVICES}
        for name in SERVICES:
            await _ready(ports[name])
        yield Platform(ports, pids)


@contextmanager
def _process(service: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", f"services.{service}.main"], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


async def _ready(port: int) -> None:
    end = time.monotonic() + 45
    async with httpx.AsyncClient() as http:
        while not await _answers(http, f"http://127.0.0.1:{port}/health/ready"):
            assert time.monotonic() < end, f"nothing ready on port {port}"
            await asyncio.sleep(0.05)


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
