"""One run: people write and devices come and go while faults strike; then everybody comes and the books are closed."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.ledger.checker import check
from tests.ledger.checker.evidence import Evidence
from tests.ledger.crowd import Crowd, gather
from tests.ledger.faults import inflict
from tests.ledger.gateway import Caller, decoded
from tests.ledger.history import FINAL, RANKS, History, Looked
from tests.ledger.platform import Platform
from tests.ledger.sender import PER_TURN
from tests.ledger.stores import read_messages, read_topic
from tests.ledger.verdicts import Verdict

LOOK_S = 0.3
PAGE = 200
WATCHED = 20
TELL_S = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """`rate` in messages a second; `messages` is the least that are sent. `patience_s` bounds each wait for normal
    speed, and the wait for the last statuses."""

    messages: int
    rate: float
    faults: Sequence[str]
    seed: int
    patience_s: float = 60.0


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    history: History
    verdicts: Sequence[Verdict]
    seconds: float

    @property
    def is_clean(self) -> bool:
        return not any(v.count for v in self.verdicts) and not self.history.surprises


async def prove(plan: Plan, target: Platform, say: Say) -> Outcome:
    """Carries the plan out on a platform that runs, and checks everything."""
    begun = time.monotonic()
    chance, history = random.Random(plan.seed), History(secrets.randbits(32))
    say("registering people")
    crowd = await gather(target, history, chance)
    try:
        await _live(plan, target, crowd, history, chance, say)
        evidence = await _close_the_books(target, crowd, history, plan.patience_s, say)
        verdicts = check(history, evidence)  # while the devices that stayed to the end are there
    finally:
        crowd.close()
    return Outcome(plan, history, verdicts, time.monotonic() - begun)


async def _live(plan: Plan, target: Platform, crowd: Crowd, history: History, chance: random.Random, say: Say) -> None:
    """Returns when the plan is done, everything was sent, and every device is connected for good."""
    over, quiet = asyncio.Event(), asyncio.Event()
    turns = plan.rate / PER_TURN / len(crowd.senders)
    async with asyncio.TaskGroup() as tasks:
        for device in crowd.devices:
            tasks.create_task(device.live(over))
        writing = [tasks.create_task(sender.run(turns, quiet)) for sender in crowd.senders]
        async with _looking(crowd, history, chance):
            await inflict(plan.faults, target, history, chance, plan.patience_s, say)
            await _all_sent(plan, history, say)
            quiet.set()
            await asyncio.wait(writing)
        over.set()


async def _all_sent(plan: Plan, history: History, say: Say) -> None:
    """Faults take what time they take; what is still to be sent is sent in peace."""
    told = time.monotonic()
    while (left := plan.messages - len(history.sent)) > 0:
        await asyncio.sleep(0.1)
        if time.monotonic() > told + TELL_S:
            told = time.monotonic()
            say(f"{len(history.sent):,} messages sent, {left / plan.rate / 60:.0f} min left")


@asynccontextmanager
async def _looking(crowd: Crowd, history: History, chance: random.Random) -> AsyncIterator[None]:
    """Meanwhile somebody asks for statuses, again and again for the same messages."""
    task = asyncio.create_task(_look(crowd, history, chance))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _look(crowd: Crowd, history: History, chance: random.Random) -> None:
    watched: list[int] = []
    callers = [Caller(crowd.url, caller.token) for caller in crowd.callers]
    try:
        while True:
            await asyncio.sleep(LOOK_S)
            accepted = [
                i for i in range(max(0, len(history.sent) - 200), len(history.sent)) if history.sent[i].accepted
            ]
            watched = [*watched[-WATCHED:], *chance.sample(accepted, min(1, len(accepted)))]
            message = chance.choice(watched) if watched else None
            if message is None:
                continue
            began = time.monotonic_ns()
            path = f"/v1/messages/{history.message_id(message)}/status"
            with suppress(ConnectionError):
                answer = await callers[history.sent[message].sender].ask("GET", path)
                if answer.status == 200:
                    rank = RANKS[decoded(answer)["status"]]
                    history.looks.append(Looked(message, rank, began, time.monotonic_ns()))
    finally:
        for caller in callers:
            caller.close()


async def _close_the_books(target: Platform, crowd: Crowd, history: History, patience_s: float, say: Say) -> Evidence:
    """Everything is acknowledged; when all statuses are final, or nothing moves any more, the stores are read."""
    say("everybody acknowledges everything")
    for device in crowd.devices:
        device.acknowledge_all()
    statuses = await _final_statuses(crowd, history, patience_s)
    say("reading MongoDB and Kafka")
    return Evidence(await read_messages(target.direct, history), await read_topic(target.direct), statuses)


async def _final_statuses(crowd: Crowd, history: History, patience_s: float) -> dict[int, str]:
    """message → status, as a member's history shows it; asked until all are final, or for `patience_s`."""
    found: dict[int, str] = {}
    left = list(range(len(history.conversations)))
    end = time.monotonic() + patience_s
    while left and time.monotonic() < end:
        shown = [await _statuses(crowd.callers[history.members[c][0]], history, c) for c in left]
        for statuses in shown:
            found |= statuses
        left = [c for c, statuses in zip(left, shown, strict=True) if set(statuses.values()) - set(FINAL)]
        await asyncio.sleep(0.5)
    return found


async def _statuses(caller: Caller, history: History, conversation: int) -> dict[int, str]:
    found: dict[int, str] = {}
    since = 0
    while True:
        path = f"/v1/conversations/{history.conversations[conversation]}/messages?since={since}&limit={PAGE}"
        page = await caller.get(path)
        found |= {history.index_of(item["message_id"]): item["status"] for item in page["items"]}
        if len(page["items"]) < PAGE:
            return found
        since = page["next_since"]
