"""etcd as far as it is used: keys, transactions, leases and watches; each call has a deadline."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import grpc
import grpc.aio

from libs.common.errors import Unavailable
from libs.common.etcd_proto import kv_pb2 as kv
from libs.common.etcd_proto import rpc_pb2 as pb
from libs.common.etcd_proto.rpc_pb2_grpc import KVStub, LeaseStub, WatchStub

DEADLINE_S = 3.0
PAGE = 1_000
MAX_OPERATIONS = 128  # of one transaction, as etcd is set by default
AGAIN_S = 0.3
OPTIONS = [
    # gRPC's own pauses between attempts to connect grow to 2 minutes; after a restart of etcd that is an outage.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A server that vanished without a word is noticed; etcd refuses pings more often than every 5 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]
NOT_NOW = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,  # too many requests, or the database is full
}

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


class Etcd:
    """Every call raises `Unavailable` when etcd does not answer in time; a write may have happened nevertheless."""

    def __init__(self, channel: grpc.aio.Channel, deadline_s: float = DEADLINE_S) -> None:
        self._kv = KVStub(channel)
        self._lease = LeaseStub(channel)
        self._watch = WatchStub(channel)
        self._deadline_s = deadline_s

    async def check(self) -> None:
        """For readiness: the cluster has a leader (the read is linearizable)."""
        await self._call(self._kv.Range, pb.RangeRequest(key=b"/", count_only=True))

    async def get(self, key: str) -> bytes | None:
        """The value, linearizable: what any finished write left."""
        found = await self.find(key)
        return found.value if found else None

    async def find(self, key: str) -> Found | None:
        """The same with what a transaction needs to know of it."""
        answer = await self._call(self._kv.Range, pb.RangeRequest(key=key.encode()))
        if not answer.kvs:
            return None
        one = answer.kvs[0]
        return Found(bytes(one.value), int(one.mod_revision), int(one.lease))

    async def list(self, prefix: str) -> dict[str, bytes]:
        """All keys that begin so, in the order of keys, as they stood at one moment."""
        return (await self._snapshot(prefix))[0]

    async def present(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that are there, linearizable; many cost one round trip."""
        wanted = list(keys)
        parts = [wanted[i : i + MAX_OPERATIONS] for i in range(0, len(wanted), MAX_OPERATIONS)]
        return set().union(*await asyncio.gather(*(self._present(part) for part in parts)))

    async def _present(self, keys: Sequence[str]) -> set[str]:
        looks = [pb.RequestOp(request_range=pb.RangeRequest(key=key.encode(), count_only=True)) for key in keys]
        answer = await self._call(self._kv.Txn, pb.TxnRequest(success=looks))
        return {key for key, one in zip(keys, answer.responses, strict=True) if one.response_range.count}

    async def put(self, key: str, value: bytes, lease: int = 0) -> None:
        await self._call(self._kv.Put, _put(Put(key, value, lease)))

    async def create(self, key: str, value: bytes, lease: int = 0) -> bool:
        """Puts the key if it is absent, in one transaction; False, and nothing changed, if it is there."""
        return await self.commit([absent(key)], [Put(key, value, lease)])

    async def delete(self, key: str) -> bool:
        """False where there was no such key."""
        answer = await self._call(self._kv.DeleteRange, pb.DeleteRangeRequest(key=key.encode()))
        return bool(answer.deleted)

    async def commit(self, conditions: Sequence[Unchanged], writes: Sequence[Put | Delete]) -> bool:
        """All writes in one transaction if all conditions hold; else False, and nothing changed."""
        request = pb.TxnRequest(compare=[_compare(c) for c in conditions], success=[_operation(w) for w in writes])
        return bool((await self._call(self._kv.Txn, request)).succeeded)

    async def grant_lease(self, ttl_s: int) -> int:
        """Keys put with it vanish after `ttl_s`: never sooner, but later if etcd changes its leader meanwhile."""
        answer = await self._call(self._lease.LeaseGrant, pb.LeaseGrantRequest(TTL=ttl_s))
        return int(answer.ID)

    async def revoke_lease(self, lease: int) -> None:
        """Its keys vanish now; one that has ended is no error."""
        try:
            await self._call(self._lease.LeaseRevoke, pb.LeaseRevokeRequest(ID=lease))
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
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
                async for answer in self._changes(prefix, revision + 1):
                    for event in answer.events:
                        on_change(event.kv.key.decode(), None if event.type == kv.Event.DELETE else event.kv.value)
                    revision = answer.header.revision if answer.events else revision
                    if answer.canceled:
                        revision = 0 if answer.compact_revision else revision
                        break
            except Unavailable as error:
                log.warning("a watch waits: %s", error)
            except grpc.aio.AioRpcError as error:
                log.warning("the watch of %s broke: %s", prefix, error.code().name)
            await asyncio.sleep(AGAIN_S)

    async def _changes(self, prefix: str, revision: int) -> AsyncIterator[Any]:
        create = pb.WatchCreateRequest(key=prefix.encode(), range_end=_end(prefix), start_revision=revision)
        # without a leader nothing would ever come: then etcd is to end the call
        call = self._watch.Watch(metadata=(("hasleader", "true"),))
        try:
            await call.write(pb.WatchRequest(create_request=create))
            async for answer in call:
                yield answer
        finally:
            call.cancel()

    async def _snapshot(self, prefix: str) -> tuple[dict[str, bytes], int]:
        """With the revision at which it was taken."""
        found: dict[str, bytes] = {}
        start, revision, more = prefix.encode(), 0, True
        while more:
            request = pb.RangeRequest(key=start, range_end=_end(prefix), limit=PAGE, revision=revision)
            answer = await self._call(self._kv.Range, request)
            found |= {one.key.decode(): bytes(one.value) for one in answer.kvs}
            revision = revision or int(answer.header.revision)
            more = bool(answer.more)
            start = answer.kvs[-1].key + b"\0" if more else start
        return found, revision

    async def _call(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        try:
            return await method(request, timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            if error.code() in NOT_NOW:
                raise Unavailable("etcd", error.code().name) from error
            raise


def _end(prefix: str) -> bytes:
    """The first key after all that begin so."""
    start = prefix.encode()
    return start[:-1] + bytes([start[-1] + 1])


def _compare(condition: Unchanged) -> pb.Compare:
    return pb.Compare(
        key=condition.key.encode(),
        target=pb.Compare.MOD,
        result=pb.Compare.EQUAL,
        mod_revision=condition.revision,
    )


def _put(write: Put) -> pb.PutRequest:
    return pb.PutRequest(key=write.key.encode(), value=write.value, lease=write.lease)


def _operation(write: Put | Delete) -> pb.RequestOp:
    if isinstance(write, Put):
        return pb.RequestOp(request_put=_put(write))
    return pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=write.key.encode()))


@contextlib.asynccontextmanager
async def connect(endpoint: str, deadline_s: float = DEADLINE_S) -> AsyncIterator[Etcd]:
    """`endpoint` is host:port. Returns at once, also when etcd is not there yet."""
    async with grpc.aio.insecure_channel(endpoint, options=OPTIONS) as channel:
        yield Etcd(channel, deadline_s)
