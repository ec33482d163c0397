"""Where presence reads: the feeds in Redis, and in MongoDB what a user has not acknowledged."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from libs.common.feed import LIFETIME_S, Packed, epoch_key, feed_key, unpack
from libs.common.marks import message_status
from libs.common.messages import Message, from_document
from libs.common.mongo import Database, Document, answering
from libs.common.receipts import read_marks
from libs.common.redis import answering as redis_answering
from services.presence.domain import Feed

PAGE = 200
CONVERSATIONS = 200  # of one query: each is a branch of an `$or`

# KEYS: feed, epoch. ARGV: random, lifetime. → epoch, first, last
_OPEN = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local epoch = redis.call('GET', KEYS[2])
if not epoch or string.sub(epoch, 1, #run) ~= run or redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('XGROUP', 'CREATE', KEYS[1], 'x', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'x')
  epoch = run .. '-' .. ARGV[1]
  redis.call('SET', KEYS[2], epoch)
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
local info, last = redis.call('XINFO', 'STREAM', KEYS[1]), 0
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = tonumber(string.sub(info[i + 1], 3)) end
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local first = last + 1
if oldest then first = tonumber(string.sub(oldest[1], 3)) end
return {epoch, first, last}
"""

# KEYS: feed, epoch. ARGV: after, count. → epoch, entries
_READ = """
return {redis.call('GET', KEYS[2]), redis.call('XRANGE', KEYS[1], '(0-' .. ARGV[1], '+', 'COUNT', ARGV[2])}
"""


class Entry(NamedTuple):
    offset: int
    packed: Packed


class Feeds:
    def __init__(self, client: Redis) -> None:
        self._open = client.register_script(_OPEN)
        self._read = client.register_script(_READ)

    async def open(self, username: str) -> Feed:
        """Makes the feed if there is none that this run of Redis has kept whole, and extends its life."""
        with redis_answering():
            epoch, first, last = await self._open(keys=_keys(username), args=[secrets.token_hex(8), LIFETIME_S])
        return Feed(epoch.decode(), first, last)

    async def read(self, username: str, after: int) -> tuple[str | None, list[Entry]]:
        """The epoch (None: the feed has gone) and the next entries after an offset."""
        with redis_answering():
            epoch, entries = await self._read(keys=_keys(username), args=[after, PAGE])
        read = [Entry(int(id_[2:]), unpack(fields[1])) for id_, fields in entries]
        return (epoch.decode() if epoch else None), read


def _keys(username: str) -> list[str]:
    return [feed_key(username), epoch_key(username)]


class Inbox:
    """Messages as a device gets them when no feed can bring them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def floors(self, username: str) -> dict[str, int]:
        """Conversation → the number up to which a device of this user has acknowledged."""
        with answering():
            found = self._database["conversations"].find({"members": username}, {"_id": 1})
            members = [(d["_id"], username) async for d in found]
        marks = await read_marks(self._database, members)
        return {conversation_id: m.delivered for (conversation_id, _), m in marks.items()}

    async def after(self, username: str, lower_bound: Callable[[str], int]) -> AsyncIterator[list[Message]]:
        """Pages of messages above each conversation's bound, in order; the bound is asked again for each page."""
        with answering():
            found = self._database["conversations"].find({"members": username}, {"_id": 1})
            conversation_ids = [d["_id"] async for d in found]
        for start in range(0, len(conversation_ids), CONVERSATIONS):
            chunk = conversation_ids[start : start + CONVERSATIONS]
            while page := await self._page(chunk, lower_bound):
                yield await self._with_status(page)

    async def _page(self, conversation_ids: Sequence[str], lower_bound: Callable[[str], int]) -> list[Document]:
        branches = [{"conversation_id": c, "sequence_number": {"$gt": lower_bound(c)}} for c in conversation_ids]
        with answering():
            found = self._database["messages"].find({"$or": branches})
            found = found.sort([("conversation_id", 1), ("sequence_number", 1)]).limit(PAGE)
            return await found.to_list()

    async def _with_status(self, page: Sequence[Document]) -> list[Message]:
        marks = await read_marks(self._database, {(d["conversation_id"], to) for d in page for to in d["to"]})
        return [
            from_document(d, message_status(d["conversation_id"], d["sequence_number"], d["to"], marks)) for d in page
        ]
