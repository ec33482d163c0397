"""What routers say of their accounts, and what operators make of it."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from redis.asyncio import Redis

from libs.common import mongo
from libs.common.board import BOARD
from libs.common.clock import now
from services.router.operators.channels import LIVES_S, Board, Registrations, Reporter
from services.router.standing import Standing, Tally
from services.router.waiting import Waiting

ACCOUNT = ("telegram", "main")
LONG_S = 600  # so that what is said holds until it is read


@dataclass(frozen=True)
class Routers:
    cache: Redis
    prefix: str
    board: Board

    async def say(self, router: str, waiting: int, breaker: str = "closed") -> None:
        await Reporter(self.cache, self.prefix, lambda: [standing(waiting, breaker)], LONG_S).report(router)

    async def lives_s(self, router: str) -> int:
        """What it said is there for so long; -2 where it is gone, -1 for ever."""
        return int(await self.cache.ttl(f"{self.prefix}{BOARD}:{router}"))


def standing(waiting: int, breaker: str) -> Standing:
    tally = Tally()
    tally.note(now(), "sent", "42", None)
    return Standing(
        channel="telegram",
        account="main",
        breaker=breaker,
        tried_again_at=None,
        lanes=1,
        waiting=waiting,
        in_flight=0,
        outcomes=tally.outcomes(now()),
        waits=[],
        errors=[],
    )


@pytest.fixture
async def routers(cache: Redis, database: mongo.Database) -> AsyncIterator[Routers]:
    prefix = f"test-{secrets.token_hex(6)}."
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        nobody = Registrations("http://127.0.0.1:1", http)
        off = [("telegram", "support", "token is not set")]
        waiting = Waiting(database)
        yield Routers(cache, prefix, Board(cache, prefix, database, [ACCOUNT], off, nobody, waiting.backlog))
    await cache.delete(prefix + BOARD)


async def test_what_routers_say_is_added_up_and_gone_when_they_are(routers: Routers) -> None:
    await routers.say("a", 2)
    await routers.say("b", 3, "open")
    on, off = (await routers.board.channels()).items
    assert (on.routers, on.waiting, on.breaker, on.outcomes.sent) == (2, 5, "open", 2)
    assert (on.status, on.off, on.webhook, on.parked) == ("on", None, None, 0)
    assert (off.account, off.status, off.off, off.breaker) == ("support", "off", "token is not set", None)
    for router in ("a", "b"):
        assert 0 < await routers.lives_s(router) <= LONG_S
    await routers.cache.delete(f"{routers.prefix}{BOARD}:b")
    (on, _) = (await routers.board.channels()).items
    assert (on.routers, on.waiting, on.breaker) == (1, 2, "closed")


async def test_what_a_router_says_lives_for_a_few_seconds(routers: Routers) -> None:
    await Reporter(routers.cache, routers.prefix, list).report("a")
    assert await routers.lives_s("a") in (-2, *range(LIVES_S + 1))


async def test_before_any_router_has_said_anything_nothing_is_claimed(routers: Routers) -> None:
    on, _ = (await routers.board.channels()).items
    assert (on.routers, on.breaker) == (0, None)


async def test_parked_deliveries_are_counted_for_their_own_account(routers: Routers, database: mongo.Database) -> None:
    lanes = ("telegram/main/1", "telegram/main/2", "telegram/main2/1", "telegram/mai/1")
    await database["deliveries"].insert_many(
        [{"_id": lane, "parked": {"lane": lane, "place": n}} for n, lane in enumerate(lanes)]
    )
    on, _ = (await routers.board.channels()).items
    assert on.parked == 2
