"""The board: how the accounts on platforms fare, as each router says it to Redis every second; and who reads it."""

from typing import Any

import msgspec
from redis.asyncio import Redis

from libs.common.redis import answering

MOST_ROUTERS = 200
BOARD = "{channels}"  # a hash tag: all keys of the board are together

Account = tuple[str, str]
"""(channel, account)"""


class _Said(msgspec.Struct):
    channel: str
    account: str
    breaker: str


_decode = msgspec.json.Decoder(list[_Said]).decode


async def read_board(redis: Redis, prefix: str) -> list[bytes]:
    """What each router has said of its accounts, in JSON, for as long as that holds. Raises `Unavailable`."""
    board = prefix + BOARD
    with answering():
        routers: Any = await redis.zrange(board, 0, MOST_ROUTERS - 1, desc=True)
        found: list[Any] = await redis.mget([f"{board}:{router.decode()}" for router in routers]) if routers else []
    return [said for said in found if said]


async def read_open_breakers(redis: Redis, prefix: str) -> set[Account]:
    """The accounts that some router does not call at the moment, since their platform fails. Raises `Unavailable`."""
    told = [one for said in await read_board(redis, prefix) for one in _decode(said)]
    return {(one.channel, one.account) for one in told if one.breaker == "open"}
