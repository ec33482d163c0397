"""More processes of our services than the stack has, each with settings of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from conftest import ROOT, Stack
from deploy.local.supervision import MARK
from deploy.local.throwaway import spare_ports

PATIENCE_S = 60.0
EACH = 2  # ports
HANDLED = "parley_consumed_records_total{"


@dataclass(frozen=True)
class Service:
    """`port` answers HTTP; a presence node has a `ws_port` too."""

    port: int
    ws_port: int
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where its sockets are reached, past the gateway."""
        return f"http://127.0.0.1:{self.ws_port}"

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def away(self) -> dict[str, str]:
        """What `/health/ready` waits for, and why; empty when it is ready."""
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.get(f"{self.url}/health/ready")
        waits = {name.lower(): why for name, why in answer.json()["dependencies"].items() if why != "up"}
        assert answer.status_code == (503 if waits else 200)
        return waits

    async def is_up(self) -> None:
        """It answers, ready or not."""
        async with httpx.AsyncClient(timeout=60) as http, asyncio.timeout(PATIENCE_S):
            while True:
                assert self.process.returncode is None, "it has ended"
                try:
                    assert (await http.get(f"{self.url}/health/live")).status_code == 200
                    return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def is_ready(self) -> None:
        await self.is_up()
        async with asyncio.timeout(PATIENCE_S):
            while await self.away():
                await asyncio.sleep(0.05)

    async def works_again(self, records: int = 50) -> None:
        """It handles so many records from now on."""
        async with asyncio.timeout(PATIENCE_S):
            begin = await metric(self.url, HANDLED)
            while await metric(self.url, HANDLED) < begin + records:
                await asyncio.sleep(0.05)

    async def leave(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process.returncode is None:
            self.tell(number)
            async with asyncio.timeout(PATIENCE_S):
                await self.process.wait()

    async def end(self) -> None:
        """Politely, also where it sleeps; whatever it does."""
        if self.process.returncode is None:
            self.tell(signal.SIGCONT)
            try:
                await self.leave()
            finally:
                if self.process.returncode is None:
                    self.process.kill()


async def metric(url: str, name: str) -> float:
    """Of the process that answers there; the sum over all labels that begin so."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        metrics = (await http.get("/metrics")).text
    return sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith(name))


@asynccontextmanager
async def one_more(stack: Stack, name: str, ports: Sequence[int] = (), /, **told: str) -> AsyncIterator[Service]:
    """Starts it on the stack's servers; `told`: settings in lower case, without their PARLEY_. Ends with the block.

    Who starts several at once gives each its `ports`: none is taken before its process listens.
    """
    port, ws_port = ports or spare_ports(stack.base, EACH)
    settings = {
        f"{name}_port": str(port),
        "presence_ws_port": str(ws_port),
        "files_internal_port": str(ws_port),
        **told,
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PARLEY_")}
    environment |= {f"PARLEY_{k.upper()}": v for k, v in settings.items()}
    environment |= {"PARLEY_SETTINGS": str(stack.state / "parley.env"), MARK: str(stack.state)}
    with (stack.state / "logs" / f"one-more-{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"services.{name}.main"), cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    service = Service(port, ws_port, process)
    try:
        yield service
    finally:
        await service.end()
