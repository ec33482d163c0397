"""A second node of presence beside the stack's own: the same servers, other ports."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx

from conftest import ROOT, Stack


@dataclass(frozen=True)
class Node:
    """`url` is where its sockets are reached, past the gateway."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """As for a restart."""
        self.process.terminate()


@asynccontextmanager
async def another_node(stack: Stack, life_s: float = 45) -> AsyncIterator[Node]:
    """Inside the block it is ready. For `life_s` its users stay online when it dies."""
    port, socket_port = _free_ports(2)
    process = _start(stack, port, socket_port, life_s)
    try:
        await _until_ready(f"http://127.0.0.1:{port}", process)
        yield Node(f"http://127.0.0.1:{socket_port}", process)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)


def _start(stack: Stack, port: int, socket_port: int, life_s: float) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "PARLEY_SETTINGS": str(stack.state / "parley.env"),
        "PARLEY_PRESENCE_PORT": str(port),
        "PARLEY_PRESENCE_WS_PORT": str(socket_port),
        "PARLEY_PRESENCE_LIFE_S": str(life_s),
    }
    command = [sys.executable, "-m", "services.presence.main"]
    with (stack.state / "logs" / "another-presence.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)


async def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    async with httpx.AsyncClient(base_url=url) as http, asyncio.timeout(30):
        while process.poll() is None:
            with suppress(httpx.TransportError):
                if (await http.get("/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise AssertionError("the second node ended at once; see another-presence.log")


def _free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports
