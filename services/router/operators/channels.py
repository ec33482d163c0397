"""How the accounts on platforms fare: each router says it to Redis every second, and whoever asks sums it up."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, NoReturn

import httpx
import msgspec
from redis.asyncio import Redis

from libs.common.board import BOARD, Account, read_board
from libs.common.clock import new_id
from libs.common.errors import Unavailable
from libs.common.mongo import Database, answering
from libs.common.redis import answering as redis_answering
from services.router.standing import Backlog, Standing, Together, together

EVERY_S = 1.0
LIVES_S = 5
ASKED_S = 1.0
MOST_PARKED = 10_000
NOTHING = Backlog()

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Standing]).decode
log = logging.getLogger(__name__)


class ChannelState(Together, frozen=True, kw_only=True):
    """An account. `off` says why where it is not on; `parked` are deliveries that wait in MongoDB (at most 10,000).

    `webhook` is how far the platform knows where to send updates, in words; null where webhooks does not say.
    `inbound` is what has come from there and waits, behind a file that is fetched or a message that is not stored yet.
    """

    channel: str
    account: str
    status: Literal["on", "off"]
    off: str | None
    parked: int
    webhook: str | None
    inbound: Backlog


class ChannelList(msgspec.Struct, frozen=True):
    items: list[ChannelState]


@dataclass(frozen=True)
class Reporter:
    """Says how this router's accounts fare, for as long as it runs; what it said is gone 5 s after it."""

    redis: Redis
    prefix: str
    standings: Callable[[], Sequence[Standing]]
    lives_s: int = LIVES_S

    async def run(self) -> NoReturn:
        own = new_id()
        while True:
            with suppress(Unavailable):
                await self.report(own)
            await asyncio.sleep(EVERY_S)

    async def report(self, router: str) -> None:
        """Raises `Unavailable`."""
        board, at = self.prefix + BOARD, time.time()
        with redis_answering():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.set(f"{board}:{router}", _encode(list(self.standings())), ex=self.lives_s)
                pipe.zadd(board, {router: at})
                pipe.zremrangebyscore(board, "-inf", at - 60)
                pipe.expire(board, 3600)
                await pipe.execute()


@dataclass(frozen=True)
class Registrations:
    """What webhooks says of each account in its readiness: it alone knows whom it has told."""

    url: str
    http: httpx.AsyncClient

    async def words(self) -> Mapping[str, str]:
        """By channel/account; nothing where it does not answer."""
        try:
            answer = await self.http.get(f"{self.url}/health/ready", timeout=ASKED_S)
            return msgspec.json.decode(answer.content, type=_Ready).notes
        except (httpx.HTTPError, msgspec.DecodeError):
            return {}


class _Ready(msgspec.Struct):
    notes: dict[str, str] = {}


@dataclass(frozen=True)
class Board:
    """`on` and `off` are the accounts that are configured; of the latter, why."""

    redis: Redis
    prefix: str
    database: Database
    on: Sequence[Account]
    off: Sequence[tuple[str, str, str]]
    registrations: Registrations
    backlog: Callable[[str, str], Awaitable[Backlog]]

    async def channels(self) -> ChannelList:
        """Raises `Unavailable`."""
        said, webhooks = await self._said(), await self.registrations.words()
        states = []
        for account in self.on:
            of_account = [s for s in said if (s.channel, s.account) == account]
            parked, inbound = await self._parked(account), await self.backlog(*account)
            states.append(_state(account, of_account, parked, inbound, webhook=webhooks.get("/".join(account))))
        return ChannelList(states + [_state((channel, account), off=why) for channel, account, why in self.off])

    async def _said(self) -> list[Standing]:
        return [standing for said in await read_board(self.redis, self.prefix) for standing in _decode(said)]

    async def _parked(self, account: Account) -> int:
        lane = "/".join(account)
        query = {"parked": {"$exists": True}, "parked.lane": {"$gte": f"{lane}/", "$lt": f"{lane}0"}}
        with answering():
            return await self.database["deliveries"].count_documents(query, limit=MOST_PARKED, hint="parked")


def _state(
    account: Account,
    said: Sequence[Standing] = (),
    parked: int = 0,
    inbound: Backlog = NOTHING,
    *,
    webhook: str | None = None,
    off: str | None = None,
) -> ChannelState:
    return ChannelState(
        channel=account[0],
        account=account[1],
        status="off" if off else "on",
        off=off,
        parked=parked,
        webhook=webhook,
        inbound=inbound,
        **msgspec.structs.asdict(together(said)),
    )
