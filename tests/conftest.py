"""People and their devices, through the gateway, as the tests of the whole system see them."""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from clients.parley import (
    Arrived,
    CaughtUp,
    ChatSocket,
    Conversation,
    DeliveryChanged,
    Event,
    ParleyClient,
    Receipt,
    Resume,
)
from conftest import ROOT, Stack
from deploy.local.places import Places
from deploy.local.programs import NAMES
from deploy.local.stack import Stack as Processes
from deploy.local.waiting import unready
from libs.common.tests.stopping import standing_still
from tests.command import Home, pair
from tests.registered import registered

PASSWORD = "correct horse battery"
DEADLINE_S = 60.0
PATIENCE_S = 90.0  # for what has to be started again, on a machine that has other work


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests that schemathesis makes differ by their operation alone, which pytest leaves out of their ids."""
    if operation := getattr(item, "operation_label", None):
        item._id = item.id.with_params(operation)


async def until(condition: Callable[[], bool]) -> None:
    """Looks again and again, for what no event tells."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "what is waited for did not come"
        await asyncio.sleep(0.02)


class Device:
    """One socket of a person; keeps every frame in the order in which it came."""

    def __init__(self, socket: ChatSocket, *, acknowledges: bool) -> None:
        self.socket = socket
        self.events: list[Event] = []
        self._acknowledges = acknowledges
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.socket:
            if self._acknowledges and isinstance(event, Arrived):
                self.socket.ack(event.conversation_id, event.sequence_number)
            async with self._changed:
                self.events.append(event)
                self._changed.notify_all()

    @property
    def messages(self) -> list[Arrived]:
        return [e for e in self.events if isinstance(e, Arrived)]

    @property
    def texts(self) -> list[str | None]:
        return [m.text for m in self.messages]

    @property
    def numbers(self) -> list[int]:
        return [m.sequence_number for m in self.messages]

    async def until(self, count: int) -> None:
        """Waits for so many messages."""
        await self.until_so(lambda: len(self.messages) >= count)

    async def caught_up(self) -> CaughtUp:
        await self.until_so(lambda: any(isinstance(e, CaughtUp) for e in self.events))
        return next(e for e in self.events if isinstance(e, CaughtUp))

    async def receipt(self, username: str, status: str, number: int) -> Receipt:
        def found() -> list[Receipt]:
            receipts = [e for e in self.events if isinstance(e, Receipt)]
            return [r for r in receipts if (r.username, r.status) == (username, status) and r.sequence_number >= number]

        await self.until_so(lambda: bool(found()))
        return found()[0]

    async def delivery(self, recipient: str, channel: str) -> DeliveryChanged:
        def found() -> list[DeliveryChanged]:
            changes = [e for e in self.events if isinstance(e, DeliveryChanged)]
            return [c for c in changes if (c.recipient, c.channel) == (recipient, channel)]

        await self.until_so(lambda: bool(found()))
        return found()[-1]

    async def until_so(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self._changed:
            await self._changed.wait_for(condition)

    async def drained(self) -> None:
        """Everything that came before the end has been taken."""
        await asyncio.gather(self._reader, return_exceptions=True)

    async def close(self) -> None:
        await self.socket.close()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


class Person:
    def __init__(self, name: str, client: ParleyClient, devices: AsyncExitStack) -> None:
        self.name = name
        self.client = client
        self._devices = devices

    async def connect(self, resume: Resume | None = None, *, acknowledges: bool = False) -> Device:
        socket = self.client.socket(resume=resume)
        await socket.__aenter__()
        device = Device(socket, acknowledges=acknowledges)
        self._devices.push_async_callback(device.close)
        return device


class Chat:
    """The gateway of the stack, and the people who use it."""

    def __init__(self, stack: Stack, resources: AsyncExitStack) -> None:
        self.stack = stack
        self._resources = resources
        self._killed: list[tuple[str, int]] = []
        self.places = Places(cache=ROOT / ".cache", state=stack.state)
        self.processes = Processes(self.places)

    async def person(self, name: str) -> Person:
        client = await self._resources.enter_async_context(ParleyClient(self.stack.gateway_url))
        username = f"{name}-{secrets.token_hex(4)}"
        await registered(self.stack.etcd, PASSWORD, username)
        await client.log_in(username, PASSWORD)
        return Person(username, client, self._resources)

    async def pair(self) -> tuple[Person, Person, Conversation]:
        ana, bo = await self.person("ana"), await self.person("bo")
        return ana, bo, await ana.client.open_conversation([bo.name])

    def kill(self, process: str) -> None:
        """SIGKILL; the supervisor starts it again."""
        self._killed.append((process, self.processes.kill(process)))

    @asynccontextmanager
    async def hanging(self, process: str) -> AsyncIterator[None]:
        """SIGSTOP: connections stay open, and nobody answers."""
        with standing_still(self.processes.pid_of(process)):
            yield

    @asynccontextmanager
    async def stopped(self, process: str) -> AsyncIterator[None]:
        """SIGKILL, and it stays away: nobody listens any more."""
        pid = self.processes.pid_of(process)
        self.processes.stop(process, wait=False)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        try:
            await until(lambda: self.processes.pid_of(process) == 0)
            yield
        finally:
            await asyncio.to_thread(self.processes.start, process)

    async def waits_for(self, service: str) -> list[str]:
        """The dependencies that are not up, in lower case, as `/health/ready` names them."""
        async with httpx.AsyncClient(timeout=60) as http:
            ready = await http.get(f"http://127.0.0.1:{self.processes.ports[service]}/health/ready")
        return [name.lower() for name, why in ready.json()["dependencies"].items() if why != "up"]

    async def whole_again(self) -> None:
        """What was killed runs again and everything is ready, for the test after this one."""
        for process, pid in self._killed:
            await asyncio.to_thread(self.processes.wait_for_another, process, pid)
        async with asyncio.timeout(PATIENCE_S):
            while await asyncio.to_thread(unready, self.processes.ports, NAMES):
                await asyncio.sleep(0.1)


@pytest.fixture
async def chat(stack: Stack, no_scans: None) -> AsyncIterator[Chat]:
    async with AsyncExitStack() as resources:
        made = Chat(stack, resources)
        yield made
    await made.whole_again()


@pytest.fixture
def home(stack: Stack, tmp_path: Path) -> Home:
    return Home(stack, tmp_path)


@pytest.fixture(scope="module")
async def two_people(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str, str]:
    home = Home(stack, tmp_path_factory.mktemp("home"))
    return home, *await pair(home)
