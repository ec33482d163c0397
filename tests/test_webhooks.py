"""Third parties on the real stack: a hostile endpoint, and processes and servers killed in the middle of a load."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from uuid import uuid4

import pytest

from clients.parley import Conversation, ParleyError
from clients.parley.webhooks import verify
from libs.common.tests.endpoint import (
    OK,
    Answering,
    Endpoint,
    Heard,
    closes,
    endpoint,
    goes_on_for_ever,
    hangs,
    says,
    status,
)
from tests.conftest import Chat, Person, until

PATIENCE_S = 150.0


@dataclass
class Rude:
    """Treats one of so many events badly when it first comes; `taken` are those that it has taken."""

    there: Endpoint
    ways: tuple[Answering, ...]
    every: int
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._next = cycle(self.ways)
        self._seen: dict[str, bool] = {}
        self.there.answer = self.answer

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        one = self.there.heard[-1]
        is_first = one.id not in self._seen
        self._seen[one.id] = True
        if is_first and len(self._seen) % self.every == 0:
            await next(self._next)(writer)
            return
        self.taken.add(str(one.event["data"]["message_id"]))
        await says(OK)(writer)


@asynccontextmanager
async def hooked(owner: Person) -> AsyncIterator[tuple[Endpoint, str]]:
    """An endpoint that is told of what the owner sent, and its secret; every signature must hold."""
    async with endpoint() as there:
        hook = await owner.client.webhooks.create(there.url, events=["message.sent"])
        yield there, str(hook.secret)
        await owner.client.webhooks.delete(hook.webhook_id)
    for one in there.heard:
        verify(str(hook.secret), one.headers, one.body)


@pytest.mark.parametrize("process", ["webhooks", "kafka", "mongo", "etcd"])
async def test_no_event_is_lost_and_each_keeps_its_id_when_a_process_is_killed(chat: Chat, process: str) -> None:
    ana, _, conversation = await chat.pair()
    async with hooked(ana) as (there, _):
        rude = Rude(there, (status(500), closes), 10)
        sent: list[str] = []
        stop = asyncio.Event()
        load = asyncio.create_task(send_until(stop, ana, conversation, sent))
        await until(lambda: len(sent) > 20)
        chat.kill(process)
        before = len(sent)
        await until(lambda: len(sent) > before + 20)
        stop.set()
        await load
        await soon(lambda: rude.taken >= {*sent})
        assert all(len(ids) == 1 for ids in ids_of(there.heard).values())


async def test_a_hostile_endpoint_gets_every_event_and_is_called_nowhere_else(chat: Chat) -> None:
    ana, _, conversation = await chat.pair()
    async with hooked(ana) as (there, _), endpoint() as inside:
        elsewhere = status(307, Location=inside.url)
        later = status(429, Retry_After="7")
        rude = Rude(there, (hangs, elsewhere, closes, later, status(500)), 2)
        there.then.append(goes_on_for_ever)
        huge = (await ana.client.send(conversation.conversation_id, "huge")).message_id
        await there.until_heard(1)
        sent = [(await ana.client.send(conversation.conversation_id, f"{n}")).message_id for n in range(10)]
        await soon(lambda: rude.taken >= {*sent})
        assert inside.heard == []
        assert len([one for one in there.heard if one.event["data"]["message_id"] == huge]) == 1
        assert all(len(ids) == 1 for ids in ids_of(there.heard).values())


async def test_a_worker_that_dies_in_a_call_makes_it_again_with_the_same_id(chat: Chat) -> None:
    ana, _, conversation = await chat.pair()
    async with hooked(ana) as (there, _):
        there.then.append(hangs)
        await ana.client.send(conversation.conversation_id, "hi")
        await there.until_heard(1)
        chat.kill("webhooks")
        await there.until(lambda e: len(e.heard) > 1, within_s=PATIENCE_S)
        first, second = there.heard[:2]
        assert (first.id, first.body) == (second.id, second.body)


def ids_of(heard: list[Heard]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for one in heard:
        found[str(one.event["data"]["message_id"])].add(one.id)
    return found


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.05)


async def send_until(stop: asyncio.Event, who: Person, conversation: Conversation, sent: list[str]) -> None:
    """One after the other, each repeated with its id until it is accepted."""
    while not stop.is_set():
        message_id = str(uuid4())
        while True:
            try:
                await who.client.send(conversation.conversation_id, "hi", message_id=message_id)
                break
            except ParleyError:
                continue
        sent.append(message_id)
