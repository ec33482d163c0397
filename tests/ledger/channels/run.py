"""One run: everybody talks while harm is done; then everybody reads, and the books are closed."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from clients.parley import ParleyClient
from clients.parley.live import LiveChat
from tests.ledger.channels.books import CEILINGS, Books, Harm
from tests.ledger.channels.checks import check
from tests.ledger.channels.crowd import gather
from tests.ledger.channels.evidence import Evidence, Shown
from tests.ledger.channels.harm import HARMS, make_unruly
from tests.ledger.channels.life import Life, histories, listen
from tests.ledger.channels.phones import Phones, platforms
from tests.ledger.channels.stores import Stores
from tests.ledger.platform import Platform
from tests.ledger.verdicts import Verdict

POLL_S = 0.3
PACE_S = 1.2  # Telegram takes one message a second in a chat
OUT_SHARE = 0.4
CALM_S = 2.0
PAGE = 200

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """`messages` counts what is written and what is said; `patience_s` bounds each wait at the end."""

    messages: int
    groups: int
    harms: Sequence[str]
    seed: int
    channels: tuple[str, ...] = tuple(CEILINGS)
    patience_s: float = 150.0

    @property
    def out_each(self) -> int:
        return round(self.messages * OUT_SHARE / self.groups)

    @property
    def in_each(self) -> int:
        return -(-(self.messages - self.out_each * self.groups) // (self.groups * len(self.channels)))


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    books: Books
    evidence: Evidence
    verdicts: Sequence[Verdict]
    seconds: float

    @property
    def is_clean(self) -> bool:
        return not any(v.count for v in self.verdicts) and not self.books.surprises


async def prove(plan: Plan, target: Platform, say: Say) -> Outcome:
    """Carries the plan out on a platform that runs, and checks everything."""
    begun = time.monotonic()
    chance, books = random.Random(plan.seed), Books(f"l{secrets.token_hex(3)}", plan.channels)
    url = target.direct["PARLEY_SIMULATOR_URL"]
    async with platforms(url, plan.channels) as phones, Stores(target.direct) as stores, AsyncExitStack() as stack:
        say("registering people")
        webs = await gather(target, phones, stores, books, plan.groups)
        for web in webs:
            stack.push_async_callback(web.close)
        life = Life(books, phones, chance, PACE_S)
        async with _listening(books, webs) as lives:
            await _open(life, lives, stores)
            await make_unruly(phones.values())
            await _live(plan, life, lives, target, stores, say)
            await _close(plan, life, stores, say)
        say("reading the platforms' logs, MongoDB and the API")
        evidence = await _evidence(books, phones, stores, webs)
    return Outcome(plan, books, evidence, check(books, evidence), time.monotonic() - begun)


@asynccontextmanager
async def _listening(books: Books, webs: Sequence[ParleyClient]) -> AsyncIterator[list[LiveChat]]:
    async with AsyncExitStack() as stack:
        lives = [await stack.enter_async_context(web.live()) for web in webs]
        tasks = [asyncio.create_task(listen(books, group, live)) for group, live in enumerate(lives)]
        yield lives
    await asyncio.gather(*tasks)


async def _open(life: Life, lives: Sequence[LiveChat], stores: Stores) -> None:
    """The first message reaches everybody, so that what they say from then on belongs to their group."""
    for group, live in enumerate(lives):
        await life.write_one(group, live)
    async with asyncio.timeout(life.pace_s + 60):
        while await stores.under_way(life.books) or len(await stores.deliveries(life.books)) < _expected(life.books):
            await asyncio.sleep(POLL_S)


def _expected(books: Books) -> int:
    return sum(len(books.groups[one.group].people) for one in books.written)


async def _live(plan: Plan, life: Life, lives: Sequence[LiveChat], target: Platform, stores: Stores, say: Say) -> None:
    say(f"everybody talks, for about {plan.out_each * PACE_S:.0f} s")
    async with asyncio.TaskGroup() as tasks:
        for group, live in enumerate(lives):
            tasks.create_task(life.write(group, live, plan.out_each))
            for person in life.books.groups[group].people:
                tasks.create_task(life.talk(person, plan.in_each))
        for number, name in enumerate(plan.harms, 1):
            await asyncio.sleep(CALM_S)
            begun, under_way = time.monotonic(), await _under_way(life, stores)
            await HARMS[name](target, life.phones)
            life.books.harms.append(Harm(name, time.monotonic() - begun, under_way))
            say(f"harm {number} of {len(plan.harms)}: {name}, {under_way} under way")


async def _under_way(life: Life, stores: Stores) -> int:
    waiting = await asyncio.gather(*(phone.waiting() for phone in life.phones.values()))
    return await stores.under_way(life.books) + sum(waiting)


async def _close(plan: Plan, life: Life, stores: Stores, say: Say) -> None:
    """All faults end, everything is sent, everybody reads, everything is told; or patience does."""
    for phone in life.phones.values():
        await phone.clear()
    say("waiting until everything is sent and told")
    if not await _until(lambda: _is_done(life, stores), plan.patience_s):
        return
    await life.read_all()
    say("everybody has read everything")
    await _until(lambda: _is_at_ceiling(life, stores), plan.patience_s)


async def _is_done(life: Life, stores: Stores) -> bool:
    if await _under_way(life, stores) or len(await stores.deliveries(life.books)) < _expected(life.books):
        return False
    logs = Evidence(log=[entry for phone in life.phones.values() for entry in await phone.log()])
    stored = {one.external for one in await stores.messages(life.books)}
    return logs.said(life.books.run).keys() - logs.taken_back() <= stored


async def _is_at_ceiling(life: Life, stores: Stores) -> bool:
    return all(d.status == CEILINGS[d.channel] for d in await stores.deliveries(life.books)) and not sum(
        [await phone.waiting() for phone in life.phones.values()]
    )


async def _until(condition: Callable[[], object], patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while not await condition():  # type: ignore[misc]
        if time.monotonic() > end:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def _evidence(books: Books, phones: Mapping[str, Phones], stores: Stores, webs: list[ParleyClient]) -> Evidence:
    chats = {name: [p.address for g in books.groups for p in g.people if p.channel == name] for name in phones}
    every = [*phones.values()]
    logs, told = [await p.log() for p in every], [await p.told() for p in every]
    read = frozenset[tuple[str, str]]().union(*[await phone.read(chats[name]) for name, phone in phones.items()])
    shown = {
        g.conversation_id: await _history(web, g.conversation_id) for g, web in zip(books.groups, webs, strict=True)
    }
    return Evidence(
        log=[entry for log in logs for entry in log],
        told=[one for each in told for one in each],
        read=read,
        stored=await stores.messages(books),
        deliveries=await stores.deliveries(books),
        shown=shown,
        histories=await histories(books, webs),
    )


async def _history(web: ParleyClient, conversation_id: str) -> list[Shown]:
    found: list[Shown] = []
    since = 0
    while True:
        page = await web.history(conversation_id, since=since, limit=PAGE)
        found += [Shown(m.message_id, m.sequence_number, m.text or "") for m in page.items]
        if len(page.items) < PAGE:
            return found
        since = page.items[-1].sequence_number
