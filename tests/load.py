"""A small load through both doors, and what it was promised: every answer, how long it took, and each accepted id."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from clients.parley import ParleyClient, ParleyError, ProblemError
from tests.conftest import Chat, Device, Person, until

FOR_TWO_ROUTERS = 16  # conversations: so many that each of two has some of them
LONGEST_S = 20.0  # a caller may wait for an answer; the gateway itself gives up after 30 s
Send = Callable[[str, str], Awaitable[object]]
"""(text, message_id)"""


@dataclass
class Sender:
    """One text after the other. What is refused is repeated with its id, every third time it is given up instead."""

    conversation_id: str
    send: Send
    says_when: bool
    accepted: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    refusals: list[ParleyError] = field(default_factory=list)
    longest_s: float = 0.0

    @property
    def refusals_but_of_kafka(self) -> list[ParleyError]:
        """Without Kafka nothing goes in, and it may be slow on a machine that has other work."""
        return [r for r in self.refusals if getattr(r, "code", None) != "kafka_unavailable"]

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            message_id = str(uuid4())
            while not await self._try(message_id):
                if len(self.refusals) % 3 == 0:
                    self.given_up.append(message_id)
                    break

    async def _try(self, message_id: str) -> bool:
        begun = time.monotonic()
        try:
            await self.send(f"number {len(self.accepted)}", message_id)
        except ParleyError as refusal:
            self.refusals.append(refusal)
            await asyncio.sleep(0.1)  # what Retry-After asks would make the test ten times as long
            return False
        finally:
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
        self.accepted.append(message_id)
        return True


@dataclass
class Load:
    """`device` is the recipient's, connected before the first text."""

    author: Person
    recipient: Person
    device: Device
    senders: Sequence[Sender]

    @property
    def accepted(self) -> int:
        return sum(len(s.accepted) for s in self.senders)

    @property
    def refusals(self) -> list[ParleyError]:
        return [refusal for sender in self.senders for refusal in sender.refusals]

    @property
    def refusals_but_of_kafka(self) -> list[ParleyError]:
        return [refusal for sender in self.senders for refusal in sender.refusals_but_of_kafka]

    @property
    def conversations(self) -> set[str]:
        return {s.conversation_id for s in self.senders}

    async def goes_on(self, senders: Sequence[Sender] | None = None) -> float:
        """Of each (of these) something that is accepted from now on arrives; returns after how many seconds."""
        begun = time.monotonic()
        waiting = [(sender, len(sender.accepted)) for sender in senders or self.senders]

        def is_well() -> bool:
            arrived = {m.message_id for m in self.device.messages}
            return all(not arrived.isdisjoint(sender.accepted[since:]) for sender, since in waiting)

        await until(is_well)
        return time.monotonic() - begun

    def check_answers(self) -> None:
        """202, or 503 that says when to come back; and never a long silence."""
        rude = [r for s in self.senders for r in s.refusals if not is_polite(r, says_when=s.says_when)]
        assert not rude, rude
        assert max(s.longest_s for s in self.senders) < LONGEST_S

    async def check_ledger(self) -> None:
        """Each accepted text stands once, numbered in the order of its sender, and reached the device once, in order.

        What was refused and given up stands at most once.
        """
        await until(lambda: len({m.message_id for m in self.device.messages} & self._accepted_ids()) == self.accepted)
        for conversation_id in self.conversations:
            await self._check_conversation(conversation_id)

    async def _check_conversation(self, conversation_id: str) -> None:
        stored = await self.stored(conversation_id)
        ids = [message_id for message_id, _ in stored]
        assert [number for _, number in stored] == list(range(1, len(stored) + 1))
        assert len(ids) == len(set(ids))
        senders = [s for s in self.senders if s.conversation_id == conversation_id]
        known = {i for s in senders for i in s.accepted + s.given_up}
        assert set(ids) <= known
        order = dict(stored)
        assert all([order[m] for m in s.accepted] == sorted(order[m] for m in s.accepted) for s in senders)
        await until(lambda: len(self._arrived(conversation_id)) >= len(stored))
        assert self._arrived(conversation_id) == stored

    async def stored(self, conversation_id: str) -> list[tuple[str, int]]:
        """(message_id, number) of all messages that stand."""
        found: list[tuple[str, int]] = []
        while page := (await self.recipient.client.history(conversation_id, since=len(found), limit=200)).items:
            found += [(m.message_id, m.sequence_number) for m in page]
        return found

    def _arrived(self, conversation_id: str) -> list[tuple[str, int]]:
        messages = [m for m in self.device.messages if m.conversation_id == conversation_id]
        return [(m.message_id, m.sequence_number) for m in messages]

    def _accepted_ids(self) -> set[str]:
        return {message_id for s in self.senders for message_id in s.accepted}


@asynccontextmanager
async def load(chat: Chat, conversations: int = 4) -> AsyncIterator[Load]:
    """Runs inside the block, one sender at each door for each conversation of the same two people."""
    ana, bo = await chat.person("ana"), await chat.person("bo")
    ids = [(await ana.client.open_conversation([bo.name], type="group")).conversation_id for _ in range(conversations)]
    device, doorway = await bo.connect(acknowledges=True), await ana.connect()
    await device.caught_up()
    async with ParleyClient(chat.stack.gateway_url, access_token=ana.client.access_token, attempts=1) as hasty:
        senders = [Sender(c, _by_http(hasty, c), says_when=True) for c in ids]
        senders += [Sender(c, _by_socket(doorway, c), says_when=False) for c in ids]
        made, stop = Load(ana, bo, device, senders), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.run(stop))
            try:
                await made.goes_on()
                yield made
            finally:
                stop.set()


def _by_http(client: ParleyClient, conversation_id: str) -> Send:
    return lambda text, message_id: client.send(conversation_id, text, message_id=message_id)


def _by_socket(device: Device, conversation_id: str) -> Send:
    return lambda text, message_id: device.socket.send(conversation_id, text, message_id=message_id)


def is_polite(refusal: BaseException, *, says_when: bool = True) -> bool:
    """503, over HTTP with `Retry-After`; a `rejected` frame has no headers."""
    is_503 = isinstance(refusal, ProblemError) and refusal.status == 503
    return is_503 and (getattr(refusal, "retry_after_s", None) is not None or not says_when)
