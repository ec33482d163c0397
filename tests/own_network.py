"""A service in a network of its own, where the kernel counts every byte that it sends and gets.

`python -m tests.own_network FOLDER PORTS OWN_PORT COMMAND…` is what runs inside: its loopback is all there is. What the
service asks at one of `PORTS` is carried out by a Unix socket in `FOLDER`, and what others ask it comes in by one. For
each line on its standard input it writes how many bytes have passed; when that ends, the service ends.
"""

import asyncio
import fcntl
import os
import socket
import struct
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from conftest import ROOT, Stack
from deploy.local.ports import Ports
from deploy.local.supervision import MARK
from deploy.local.throwaway import spare_ports

OWN = "own"
CHUNK = 256 * 1024
PATIENCE_S = 60.0
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Alone:
    """`http` reaches the service past its network's edge."""

    http: httpx.AsyncClient
    process: asyncio.subprocess.Process

    async def passed(self) -> int:
        """Bytes, in and out, since its network began."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(b"\n")
        return int(await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S))

    async def is_ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if (await self.http.get("/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.returncode is None, "it has ended"
                await asyncio.sleep(0.05)


@asynccontextmanager
async def alone(stack: Stack, name: str, *parts: str) -> AsyncIterator[Alone]:
    """`parts` of the stack are what it reaches. Skips the test where the kernel gives nobody such a network."""
    if await (await asyncio.create_subprocess_exec(*NAMESPACE, "true")).wait():
        pytest.skip("no network namespaces here")
    reached = [Ports(stack.base)[part] for part in parts]
    (own_port,) = spare_ports(stack.base, 1)
    async with AsyncExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="net-")))
        for port in reached:
            server = await asyncio.start_unix_server(partial(carry, partial(_to_port, port)), folder / str(port))
            resources.callback(server.close)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PARLEY_")}
        environment |= {"PARLEY_SETTINGS": str(stack.state / "parley.env"), MARK: str(stack.state)}
        environment[f"PARLEY_{name.upper()}_PORT"] = str(own_port)
        inside = (
            str(folder),
            ",".join(map(str, reached)),
            str(own_port),
            sys.executable,
            "-m",
            f"services.{name}.main",
        )
        with (stack.state / "logs" / f"alone-{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(*NAMESPACE, sys.executable, "-m", "tests.own_network", *inside),
                cwd=ROOT, env=environment, stderr=log,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        transport = httpx.AsyncHTTPTransport(uds=str(folder / OWN))
        http = httpx.AsyncClient(transport=transport, base_url="http://alone", timeout=PATIENCE_S)
        try:
            yield Alone(await resources.enter_async_context(http), process)
        finally:
            assert process.stdin
            process.stdin.close()
            await asyncio.wait_for(process.wait(), PATIENCE_S)


async def carry(far_end: Callable[[], Awaitable[Ends]], near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    try:
        far, forth = await far_end()
    except OSError:
        back.close()
        return
    await asyncio.gather(_pump(near, forth), _pump(far, back))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()


async def _to_port(port: int) -> Ends:
    return await asyncio.open_connection("127.0.0.1", port)


async def _to_socket(path: Path) -> Ends:
    return await asyncio.open_unix_connection(path)


def raise_loopback() -> None:
    with socket.socket() as anything:
        asked = struct.pack("16sh", b"lo", 0)
        _, flags = struct.unpack("16sh", fcntl.ioctl(anything, SIOCGIFFLAGS, asked))
        fcntl.ioctl(anything, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))


def counted() -> int:
    """What was received: over loopback everything that is sent is."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    return next(int(line.split(":")[1].split()[0]) for line in lines if line.strip().startswith("lo:"))


async def inside(folder: Path, ports: Sequence[int], own_port: int, command: Sequence[str]) -> None:
    raise_loopback()
    for port in ports:
        await asyncio.start_server(partial(carry, partial(_to_socket, folder / str(port))), "127.0.0.1", port)
    await asyncio.start_unix_server(partial(carry, partial(_to_port, own_port)), folder / OWN)
    service = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(f"{counted()}\n")
        sys.stdout.flush()
    service.terminate()
    await service.wait()


if __name__ == "__main__":
    where, listed, own, *what = sys.argv[1:]
    asyncio.run(inside(Path(where), [int(port) for port in listed.split(",")], int(own), what))
