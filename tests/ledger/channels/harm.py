"""What goes wrong in a run: with what platforms tell all the time, and, chosen by a seed, with them and with us."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

from tests.ledger.channels.phones import META, Phones
from tests.ledger.platform import Platform

AWAY_S = 5.0
FAULTY_S = 3.0

Harm = Callable[[Platform, Mapping[str, Phones]], Awaitable[None]]


async def make_unruly(phones: Iterable[Phones]) -> None:
    """From now on updates come late, twice, out of order, and together, as far as each platform does that."""
    for each in phones:
        await each.fault("double", share=0.3)
        await each.fault("disorder", seconds=1.0, share=0.5)
        await each.fault("late", seconds=1.5, share=0.1)
        if each.channel in META:
            await each.fault("batch", seconds=0.5, share=0.3)


def _kill(*names: str) -> Harm:
    async def harm(platform: Platform, phones: Mapping[str, Phones]) -> None:
        await platform.kill(*names)

    return harm


async def _away(platform: Platform, phones: Mapping[str, Phones]) -> None:
    """All platforms: one simulator is all of them."""
    await next(iter(phones.values())).fault("refused", seconds=AWAY_S)
    await asyncio.sleep(AWAY_S)


async def _lose_answers(platform: Platform, phones: Mapping[str, Phones]) -> None:
    """A message is there, and nobody has been told so."""
    for each in phones.values():
        await each.fault("lost", times=1)


async def _be_faulty(platform: Platform, phones: Mapping[str, Phones]) -> None:
    for each in phones.values():
        await each.fault("error", share=0.3, for_s=FAULTY_S)
    await asyncio.sleep(FAULTY_S)


HARMS: Mapping[str, Harm] = {
    "kill router": _kill("router"),
    "kill webhooks": _kill("webhooks"),
    "platforms away": _away,
    "answers get lost": _lose_answers,
    "kill router and webhooks": _kill("router", "webhooks"),
    "platforms answer 502": _be_faulty,
    "kill mongo": _kill("mongo"),
    "kill kafka": _kill("kafka"),
}


def plan(count: int, chance: random.Random) -> list[str]:
    """Every kind once before any comes twice."""
    names: list[str] = []
    while len(names) < count:
        names += chance.sample(list(HARMS), len(HARMS))
    return names[:count]
