"""The platform under test: a stack of its own, whose services reach their stores over lines that can be cut."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local import settings_file
from deploy.local.programs import GATEWAY, PLATFORMS, SERVERS, SERVICES
from deploy.local.stack import Stack
from deploy.local.supervision import MARK
from deploy.local.throwaway import spare_ports, throwaway

Change = str | Callable[[re.Match[str]], str]
STORES = ("kafka", "mongo", "redis", "etcd")
READY_S = 180.0
BEHIND_THE_LINE = 2  # the broker's second listener, beside its controller


@dataclass
class Platform:
    """`direct` says where the stores are for those who look past the lines; `url` is the gateway. `lines` None: there
    are none, and services reach their stores directly."""

    stack: Stack
    url: str
    direct: Mapping[str, str]
    lines: subprocess.Popen[str] | None = None

    async def kill(self, *names: str) -> None:
        """SIGKILL, all at once; the supervisor starts them again."""
        pids = [await asyncio.to_thread(self.stack.pid_of, name) for name in names]
        for pid in pids:
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def stop(self, name: str) -> None:
        await asyncio.to_thread(self.stack.stop, name)

    async def start(self, name: str) -> None:
        await asyncio.to_thread(self.stack.start, name)

    async def signal(self, name: str, kind: signal.Signals) -> None:
        os.kill(await asyncio.to_thread(self.stack.pid_of, name), kind)

    def order(self, *words: str) -> None:
        """To the lines: `cut mongo`, `slow redis 0.1`, `heal mongo`."""
        assert self.lines
        assert self.lines.stdin
        self.lines.stdin.write(" ".join(words) + "\n")
        self.lines.stdin.flush()

    @asynccontextmanager
    async def another_router(self) -> AsyncIterator[None]:
        """Inside the block it has its share of the partitions."""
        [port] = spare_ports(self.stack.ports.base, 1)
        process = self._start_router(port)
        try:
            await _until_ready(f"http://127.0.0.1:{port}")
            yield
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)

    @asynccontextmanager
    async def replaced(self, service: str, module: str) -> AsyncIterator[None]:
        """Inside the block another program runs in the place of a service."""
        own = f"services.{service}.main"
        await asyncio.to_thread(self._exchange, service, own, module)
        try:
            await _until_ready(self._health(service))
            yield
        finally:
            await asyncio.to_thread(self._exchange, service, module, own)

    def _exchange(self, service: str, old: str, new: str) -> None:
        self.stack.stop(service)
        _edit(self.stack.places.conf / "supervisord.conf", {re.escape(f"-m {old}"): f"-m {new}"})
        self.stack.reload(service)
        self.stack.start(service)

    def _health(self, service: str) -> str:
        return f"http://127.0.0.1:{self.stack.ports[service]}"

    def _start_router(self, port: int) -> subprocess.Popen[bytes]:
        where = self.stack.places
        environment = settings_file.environment(where) | {"PARLEY_ROUTER_PORT": str(port), MARK: str(where.state)}
        command = [sys.executable, "-m", "services.router.main"]
        with (where.logs / "another-router.log").open("ab") as log:
            return subprocess.Popen(command, cwd=where.root, env=environment, stdout=log, stderr=log)


@asynccontextmanager
async def platform(state: Path) -> AsyncIterator[Platform]:
    """A fresh stack in `state`, stopped afterwards."""
    with throwaway(state, only=SERVERS) as stack:
        direct = settings_file.read(stack.places.settings)
        ports = dict(zip(STORES, spare_ports(stack.ports.base, len(STORES)), strict=True))
        with _lines(direct, ports) as lines:
            await asyncio.to_thread(_rewire, stack, ports)
            made = Platform(stack, direct["PARLEY_GATEWAY_URL"], direct, lines)
            await _until_ready(made.url)
            yield made


@asynccontextmanager
async def plain_platform(state: Path) -> AsyncIterator[Platform]:
    """A fresh stack in `state` without lines, which is sooner there."""
    with throwaway(state) as stack:
        direct = settings_file.read(stack.places.settings)
        yield Platform(stack, direct["PARLEY_GATEWAY_URL"], direct)


@contextmanager
def _lines(direct: Mapping[str, str], ports: Mapping[str, int]) -> Iterator[subprocess.Popen[str]]:
    targets = {name: re.findall(r":(\d+)", direct[f"PARLEY_{name.upper()}"])[0] for name in STORES}
    targets["kafka"] = str(int(targets["kafka"]) + BEHIND_THE_LINE)
    arguments = [f"{name}={ports[name]}:{targets[name]}" for name in STORES]
    command = [sys.executable, "-m", "tests.ledger.lines", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lines:
        try:
            assert lines.stdout
            assert lines.stdout.readline() == "ready\n"
            yield lines
        finally:
            lines.terminate()


def _rewire(stack: Stack, ports: Mapping[str, int]) -> None:
    """Starts the rest over the lines: a broker tells its clients where it is, a replica set does so too."""
    where = stack.places
    stack.stop("kafka")
    _edit(where.conf / "server.properties", _second_listener(ports["kafka"]))
    _edit(
        where.settings,
        {
            r"(?<=PARLEY_KAFKA=).*": f'"127.0.0.1:{ports["kafka"]}"',
            r"(?<=PARLEY_MONGO=).*": f'"mongodb://127.0.0.1:{ports["mongo"]}/?directConnection=true"',
            r"(?<=PARLEY_REDIS=).*": f'"redis://127.0.0.1:{ports["redis"]}/0"',
            r"(?<=PARLEY_ETCD=).*": f'"127.0.0.1:{ports["etcd"]}"',
        },
    )
    for name in ("kafka", *PLATFORMS, *SERVICES, *GATEWAY):
        stack.start(name, wait=False)


def _second_listener(line: int) -> Mapping[str, Change]:
    return {
        r"^listeners=BROKER://127\.0\.0\.1:(\d+)": lambda m: f"{m[0]},LINE://127.0.0.1:{int(m[1]) + BEHIND_THE_LINE}",
        r"^advertised\.listeners=.*": rf"\g<0>,LINE://127.0.0.1:{line}",
        r"^listener\.security\.protocol\.map=.*": r"\g<0>,LINE:PLAINTEXT",
    }


def _edit(file: Path, changes: Mapping[str, Change]) -> None:
    text = file.read_text()
    for pattern, new in changes.items():
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        assert count == 1, f"{pattern} stands {count} times in {file}"
    file.write_text(text)


async def _until_ready(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as http, asyncio.timeout(READY_S):
        while True:
            with suppress(httpx.TransportError):
                if (await http.get("/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
