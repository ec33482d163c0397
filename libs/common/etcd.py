"""etcd as far as it is used: keys, transactions, leases and watches; each call has a deadline."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import msgspec
from prometheus_client import Gauge

from libs.common import etcd_gateway
from libs.common.errors import Unavailable
from libs.common.etcd_gateway import NOT_FOUND, Gateway, RefusedError

DEADLINE_S = 3.0
PAGE = 1_000
MAX_OPERATIONS = 128  # of one transaction, as etcd is set by default
AGAIN_S = 0.3
RANGE, PUT, DELETE, COMMIT = "/v3/kv/range", "/v3/kv/put", "/v3/kv/deleterange", "/v3/kv/txn"
GRANT, REVOKE, WATCH = "/v3/lease/grant", "/v3/lease/revoke", "/v3/watch"

REVISION = Gauge("parley_etcd_revision", "Up to which revision of etcd what is watched is known.", ["prefix"])

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """`revision` is that of its last change; `lease` is 0 where it has none."""

    value: bytes
    revision: int
    lease: int


class Put(NamedTuple):
    key: str
    value: bytes
    lease: int = 0


class Delete(NamedTuple):
    key: str


class Unchanged(NamedTuple):
    """The key is as it was found at this revision; revision 0: it is absent."""

    key: str
    revision: int


def absent(key: str) -> Unchanged:
    return Unchanged(key, 0)


class Header(msgspec.Struct, frozen=True):
    revision: int = 0


class KeyValue(msgspec.Struct, frozen=True):
    key: bytes
    value: bytes = b""
    mod_revision: int = 0
    lease: int = 0


class Range(msgspec.Struct, frozen=True):
    header: Header = Header()
    kvs: list[KeyValue] = []
    more: bool = False
    count: int = 0


class Looked(msgspec.Struct, frozen=True):
    response_range: Range = Range()


class Committed(msgspec.Struct, frozen=True):
    succeeded: bool = False
    responses: list[Looked] = []


class Deleted(msgspec.Struct, frozen=True):
    deleted: int = 0


class Granted(msgspec.Struct, frozen=True, rename={"id": "ID"}):
    id: int


class Event(msgspec.Struct, frozen=True):
    kv: KeyValue
    type: str = "PUT"


class Watched(msgspec.Struct, frozen=True):
    """What came of a watch: `created` at first, then changes, or how far it is when there are none."""

    header: Header = Header()
    events: list[Event] = []
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0

    def seen(self, before: int) -> int:
        """The last revision of which nothing is missing; 0 where etcd has forgotten what came after `before`."""
        if self.events:
            return self.events[-1].kv.mod_revision  # a long past comes in parts, and the header is ahead of them
        if self.canceled:
            return 0 if self.compact_revision else before
        return before if self.created else max(before, self.header.revision)


class Etcd:
    """Every call raises `Unavailable` when etcd does not answer in time; a write may have happened nevertheless."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def check(self) -> None:
        """For readiness: the cluster has a leader (the read is linearizable)."""
        await self._gateway.ask(RANGE, {"key": b"/", "count_only": True}, Range)

    async def get(self, key: str) -> bytes | None:
        """The value, linearizable: what any finished write left."""
        found = await self.find(key)
        return found.value if found else None

    async def find(self, key: str) -> Found | None:
        """The same with what a transaction needs to know of it."""
        answer = await self._gateway.ask(RANGE, {"key": key.encode()}, Range)
        if not answer.kvs:
            return None
        one = answer.kvs[0]
        return Found(one.value, one.mod_revision, one.lease)

    async def list(self, prefix: str) -> dict[str, bytes]:
        """All keys that begin so, in the order of keys, as they stood at one moment."""
        return (await self._snapshot(prefix))[0]

    async def present(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that are there, linearizable; many cost one round trip."""
        wanted = list(keys)
        parts = [wanted[i : i + MAX_OPERATIONS] for i in range(0, len(wanted), MAX_OPERATIONS)]
        return set().union(*await asyncio.gather(*(self._present(part) for part in parts)))

    async def _present(self, keys: Sequence[str]) -> set[str]:
        looks = [{"request_range": {"key": key.encode(), "count_only": True}} for key in keys]
        answer = await self._gateway.ask(COMMIT, {"success": looks}, Committed)
        return {key for key, one in zip(keys, answer.responses, strict=True) if one.response_range.count}

    async def put(self, key: str, value: bytes, lease: int = 0) -> None:
        await self._gateway.ask(PUT, _put(Put(key, value, lease)), Header)

    async def create(self, key: str, value: bytes, lease: int = 0) -> bool:
        """Puts the key if it is absent, in one transaction; False, and nothing changed, if it is there."""
        return await self.commit([absent(key)], [Put(key, value, lease)])

    async def delete(self, key: str) -> bool:
        """False where there was no such key."""
        return bool((await self._gateway.ask(DELETE, {"key": key.encode()}, Deleted)).deleted)

    async def commit(self, conditions: Sequence[Unchanged], writes: Sequence[Put | Delete]) -> bool:
        """All writes in one transaction if all conditions hold; else False, and nothing changed."""
        request = {"compare": [_compare(c) for c in conditions], "success": [_operation(w) for w in writes]}
        return (await self._gateway.ask(COMMIT, request, Committed)).succeeded

    async def grant_lease(self, ttl_s: int) -> int:
        """Keys put with it vanish after `ttl_s`: never sooner, but later if etcd changes its leader meanwhile."""
        return (await self._gateway.ask(GRANT, {"TTL": str(ttl_s)}, Granted)).id

    async def revoke_lease(self, lease: int) -> None:
        """Its keys vanish now; one that has ended is no error."""
        try:
            await self._gateway.ask(REVOKE, {"ID": str(lease)}, Header)
        except RefusedError as error:
            if error.code != NOT_FOUND:
                raise

    async def watch(
        self,
        prefix: str,
        on_snapshot: Callable[[Mapping[str, bytes]], None],
        on_change: Callable[[str, bytes | None], None],
    ) -> NoReturn:
        """For ever: all keys that begin so, then every change in order (None: the key has gone).

        After an outage it goes on where it was; where etcd has forgotten what came between, a new snapshot comes.
        """
        revision = 0
        while True:
            try:
                if not revision:
                    snapshot, revision = await self._snapshot(prefix)
                    on_snapshot(snapshot)
                    REVISION.labels(prefix).set(revision)
                async with contextlib.aclosing(self._changes(prefix, revision + 1)) as changes:
                    async for answer in changes:
                        for event in answer.events:
                            on_change(event.kv.key.decode(), None if event.type == "DELETE" else event.kv.value)
                        revision = answer.seen(revision)
                        REVISION.labels(prefix).set(revision)
                        if answer.canceled:
                            break
            except Unavailable as error:
                log.warning("a watch waits: %s", error)
            except RefusedError as error:
                log.warning("the watch of %s broke: %s", prefix, error)
            await asyncio.sleep(AGAIN_S)

    def _changes(self, prefix: str, revision: int) -> AsyncGenerator[Watched, None]:
        wanted = {"key": prefix.encode(), "range_end": _end(prefix), "start_revision": str(revision)}
        return self._gateway.stream(WATCH, {"create_request": wanted | {"progress_notify": True}}, Watched)

    async def _snapshot(self, prefix: str) -> tuple[dict[str, bytes], int]:
        """With the revision at which it was taken."""
        found: dict[str, bytes] = {}
        start, revision, more = prefix.encode(), 0, True
        while more:
            request = {"key": start, "range_end": _end(prefix), "limit": str(PAGE), "revision": str(revision)}
            answer = await self._gateway.ask(RANGE, request, Range)
            found |= {one.key.decode(): one.value for one in answer.kvs}
            revision = revision or answer.header.revision
            more = answer.more
            start = answer.kvs[-1].key + b"\0" if more else start
        return found, revision


def _end(prefix: str) -> bytes:
    """The first key after all that begin so."""
    start = prefix.encode()
    return start[:-1] + bytes([start[-1] + 1])


def _compare(condition: Unchanged) -> dict[str, Any]:
    key, revision = condition.key.encode(), str(condition.revision)
    return {"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision}


def _put(write: Put) -> dict[str, Any]:
    return {"key": write.key.encode(), "value": write.value, "lease": str(write.lease)}


def _operation(write: Put | Delete) -> dict[str, Any]:
    if isinstance(write, Put):
        return {"request_put": _put(write)}
    return {"request_delete_range": {"key": write.key.encode()}}


@contextlib.asynccontextmanager
async def connect(endpoint: str, deadline_s: float = DEADLINE_S) -> AsyncIterator[Etcd]:
    """`endpoint` is host:port. Returns at once, also when etcd is not there yet."""
    async with etcd_gateway.connect(endpoint, deadline_s) as gateway:
        yield Etcd(gateway)
