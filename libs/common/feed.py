"""The feed of a user: a bounded Redis Stream of frames, and the one way to append to it.

A feed exists while a device is (or lately was) connected: presence creates it, the router appends, and where no feed is
nothing is written. Its offsets are dense (1, 2, 3, …), so that a reader sees every gap. All keys of a user share a
hash tag.
"""

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from libs.common.redis import answering

MAX_ENTRIES = 2_000
LIFETIME_S = 600
BATCH = 200  # entries of one script call: about 2 ms in which Redis serves nobody else

# KEYS: feeds. ARGV: longest, number of frames, the frames, then for each feed the index of its frame.
_APPEND = """
local longest, frames = ARGV[1], tonumber(ARGV[2])
local written = 0
for i, key in ipairs(KEYS) do
  local frame = ARGV[2 + tonumber(ARGV[2 + frames + i])]
  local id = redis.call('XADD', key, 'NOMKSTREAM', 'MAXLEN', '~', longest, '0-*', 'f', frame)
  if id then
    redis.call('PUBLISH', key, string.sub(id, 3) .. ' ' .. frame)
    written = written + 1
  end
end
return written
"""

# KEYS: feeds, each followed by the mark of its entry. ARGV: longest, seconds, then of each entry its version and frame.
_APPEND_NEWEST = """
for i = 1, #KEYS, 2 do
  local feed, mark, version, frame = KEYS[i], KEYS[i + 1], ARGV[i + 2], ARGV[i + 3]
  if tonumber(redis.call('GET', mark) or 0) <= tonumber(version) then
    local id = redis.call('XADD', feed, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[1], '0-*', 'f', frame)
    if id then
      redis.call('SET', mark, version, 'EX', ARGV[2])
      redis.call('PUBLISH', feed, string.sub(id, 3) .. ' ' .. frame)
    end
  end
end
"""


class Entry(NamedTuple):
    """For one user's feed. `frame` is made by `pack`."""

    username: str
    frame: bytes


class Standing(NamedTuple):
    """An entry that says how something stands: `about` names it, and the greater `version` is the later one."""

    username: str
    frame: bytes
    about: str
    version: int


def feed_key(username: str) -> str:
    """The stream, and the channel on which its new entries are announced: `<offset> <frame>`; hints: `- <JSON>`."""
    return f"feed:{{{username}}}"


def epoch_key(username: str) -> str:
    return f"feed-epoch:{{{username}}}"


def mark_key(username: str, about: str) -> str:
    """The newest version of it that the feed was told, for as long as an older one may be on its way."""
    return f"feed-told:{{{username}}}:{about}"


def pack(kind: str, body: bytes, conversation_id: str = "", sequence_number: int = 0, trace: str = "") -> bytes:
    """A feed's entry: `<kind> <conversation_id> <sequence_number>\\n{…}`; readers dedupe without reading the JSON.

    Of a trace that is recorded ` <traceparent>` stands behind the number.
    """
    head = f"{kind} {conversation_id} {sequence_number}\n"
    return (f"{head[:-1]} {trace}\n" if trace else head).encode() + body


class Packed(NamedTuple):
    kind: str
    conversation_id: str
    sequence_number: int
    body: bytes
    trace: str = ""


def unpack(frame: bytes) -> Packed:
    head, _, body = frame.partition(b"\n")
    kind, conversation_id, number, *trace = head.decode().split(" ")
    return Packed(kind, conversation_id, int(number), body, trace[0] if trace else "")


def render(kind: str, offset: int | None, body: bytes) -> bytes:
    """The frame that a socket sends; `body` is a JSON object with at least one member."""
    at = "null" if offset is None else str(offset)
    return f'{{"type":"{kind}","offset":{at},'.encode() + body[1:]


class FeedWriter:
    """Appends in the order given. Repeats after a crash or a retry are harmless: readers drop what they have."""

    def __init__(self, client: Redis) -> None:
        self._append: AsyncScript = client.register_script(_APPEND)
        self._append_newest: AsyncScript = client.register_script(_APPEND_NEWEST)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Raises `Unavailable`; then some may have been written."""
        for start in range(0, len(entries), BATCH):
            part = entries[start : start + BATCH]
            frames: dict[bytes, int] = {}
            indexes = [frames.setdefault(e.frame, len(frames) + 1) for e in part]
            with answering():
                await self._append(
                    keys=[feed_key(e.username) for e in part], args=[MAX_ENTRIES, len(frames), *frames, *indexes]
                )

    async def append_newest(self, entries: Sequence[Standing]) -> None:
        """Leaves out what is older than what the feed was told of the same: who read it first may write it last.

        Raises `Unavailable`; then some may have been written.
        """
        for start in range(0, len(entries), BATCH):
            part = entries[start : start + BATCH]
            keys = [key for e in part for key in (feed_key(e.username), mark_key(e.username, e.about))]
            said = [argument for e in part for argument in (e.version, e.frame)]
            with answering():
                await self._append_newest(keys=keys, args=[MAX_ENTRIES, LIFETIME_S, *said])
