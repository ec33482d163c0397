"""What is done to the platform, chosen by a seed: each fault harms, waits, undoes, and waits for normal speed again."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.ledger.history import SECOND, Fault, History, Sent
from tests.ledger.platform import STORES, Platform

KILLED = ("router", "frontend", "presence", "auth", "nginx", "kafka", "mongo", "redis", "etcd")
NETWORK_S = 6.0
SLOW_S = 0.05
BROKER_AWAY_S = 5.0
ZOMBIE_S = 9.0  # longer than the session of a consumer, 6 s
CALM_S = 2.0
NORMAL_S = 0.5
NORMAL_SHARE = 0.95
FEW = 10
ABOUT_S = 12.0  # one fault from calm to calm, for estimates

Harm = Callable[[Platform, History, random.Random], Awaitable[None]]


async def _kill_these(names: Sequence[str], platform: Platform, history: History) -> None:
    await platform.kill(*names)
    if "redis" in names:
        history.redis_lost.append(time.monotonic_ns())


def _kill(name: str) -> Harm:
    async def harm(platform: Platform, history: History, chance: random.Random) -> None:
        await _kill_these([name], platform, history)

    return harm


async def _kill_two(platform: Platform, history: History, chance: random.Random) -> None:
    two = chance.sample(KILLED, 2)
    history.faults[-1].name = f"kill {two[0]} and {two[1]}"
    await _kill_these(two, platform, history)


async def _restart(platform: Platform, history: History, chance: random.Random) -> None:
    """As after a power cut."""
    await _kill_these(KILLED, platform, history)


def _cut(name: str) -> Harm:
    async def harm(platform: Platform, history: History, chance: random.Random) -> None:
        platform.order("cut", name)
        await asyncio.sleep(NETWORK_S)
        platform.order("heal", name)

    return harm


def _slow(name: str) -> Harm:
    async def harm(platform: Platform, history: History, chance: random.Random) -> None:
        platform.order("slow", name, str(SLOW_S))
        await asyncio.sleep(NETWORK_S)
        platform.order("heal", name)

    return harm


async def _stop_broker(platform: Platform, history: History, chance: random.Random) -> None:
    await platform.stop("kafka")
    gone = time.monotonic_ns()
    await asyncio.sleep(BROKER_AWAY_S)
    history.broker_away.append((gone, time.monotonic_ns()))
    await platform.start("kafka")


async def _zombie(platform: Platform, history: History, chance: random.Random) -> None:
    """Another router takes over from one that was stopped past its session, which then wakes up."""
    async with platform.another_router():
        await asyncio.sleep(CALM_S)
        await platform.signal("router", signal.SIGSTOP)
        try:
            await asyncio.sleep(ZOMBIE_S)
        finally:
            await platform.signal("router", signal.SIGCONT)
        await asyncio.sleep(CALM_S)


FAULTS: Mapping[str, Harm] = {
    "kill router": _kill("router"),
    "kill kafka": _kill("kafka"),
    "kill presence": _kill("presence"),
    "zombie router": _zombie,
    "kill redis": _kill("redis"),
    "stop kafka": _stop_broker,
    "kill mongo": _kill("mongo"),
    "kill frontend": _kill("frontend"),
    "kill two": _kill_two,
    "restart all": _restart,
    "kill nginx": _kill("nginx"),
    "kill etcd": _kill("etcd"),
    "kill auth": _kill("auth"),
    **{f"cut {name}": _cut(name) for name in STORES},
    **{f"slow {name}": _slow(name) for name in STORES},
}


def plan(count: int, chance: random.Random) -> list[str]:
    """Every kind once before any comes twice."""
    names: list[str] = []
    while len(names) < count:
        names += chance.sample(list(FAULTS), len(FAULTS))
    return names[:count]


async def inflict(
    names: Sequence[str],
    platform: Platform,
    history: History,
    chance: random.Random,
    patience_s: float,
    say: Callable[[str], None],
) -> None:
    for number, name in enumerate(names, 1):
        await asyncio.sleep(CALM_S)
        fault = Fault(name, time.monotonic_ns())
        history.faults.append(fault)
        await FAULTS[name](platform, history, chance)
        fault.undone = time.monotonic_ns()
        fault.normal = await _normal_again(history, fault.began, patience_s)
        if not fault.normal:
            history.surprises.append(f"after {fault.name!r} nothing was normal for {patience_s:.0f} s")
        after = f"normal after {(fault.normal - fault.began) / 1e9:.1f} s" if fault.normal else "never normal"
        say(f"fault {number} of {len(names)}: {fault.name}, {after}; {len(history.sent):,} messages sent")


async def _normal_again(history: History, since: int, patience_s: float) -> int:
    """When the first second after the harm began in which messages reached a device in time; 0 for never."""
    first = next((i for i, sent in enumerate(history.sent) if sent.sent >= since), len(history.sent))
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        await asyncio.sleep(0.1)
        if begun := steady_since(history.sent[first:], time.monotonic_ns()):
            return begun
    return 0


def steady_since(sent: Sequence[Sent], now_ns: int) -> int:
    """When the first was sent of the latest second that is over, if that was normal; else 0.

    What was on its way when the harm was done proves nothing, so it takes a second. Somebody is always away.
    """
    end = now_ns - NORMAL_S * SECOND
    if not sent or sent[0].sent > end - SECOND:
        return 0
    latest = [s for s in sent if end - SECOND < s.sent <= end]
    in_time = sum(1 for s in latest if s.arrived and s.arrived - s.sent < NORMAL_S * SECOND)
    return latest[0].sent if len(latest) >= FEW and in_time >= NORMAL_SHARE * len(latest) else 0
