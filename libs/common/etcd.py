"""etcd as far as it is used: read a key, create it if it is absent, put it, and leases, each call with a deadline."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from libs.common.errors import Unavailable
from libs.common.etcd_proto import rpc_pb2 as pb
from libs.common.etcd_proto.rpc_pb2_grpc import KVStub, LeaseStub

DEADLINE_S = 3.0
OPTIONS = [
    # gRPC's own pauses between attempts to connect grow to 2 minutes; after a restart of etcd that is an outage.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A server that vanished without a word is noticed; etcd refuses pings more often than every 5 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.enable_http_proxy", 0),
]
NOT_NOW = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,  # too many requests, or the database is full
}


class Etcd:
    """Every call raises `Unavailable` when etcd does not answer in time; a write may have happened nevertheless."""

    def __init__(self, channel: grpc.aio.Channel, deadline_s: float = DEADLINE_S) -> None:
        self._kv = KVStub(channel)
        self._lease = LeaseStub(channel)
        self._deadline_s = deadline_s

    async def check(self) -> None:
        """For readiness: the cluster has a leader (the read is linearizable)."""
        await self._call(self._kv.Range, pb.RangeRequest(key=b"/", count_only=True))

    async def get(self, key: str) -> bytes | None:
        """The value, linearizable: what any finished write left."""
        answer = await self._call(self._kv.Range, pb.RangeRequest(key=key.encode()))
        return bytes(answer.kvs[0].value) if answer.kvs else None

    async def put(self, key: str, value: bytes, lease: int = 0) -> None:
        await self._call(self._kv.Put, pb.PutRequest(key=key.encode(), value=value, lease=lease))

    async def create(self, key: str, value: bytes) -> bool:
        """Puts the key if it is absent, in one transaction; False, and nothing changed, if it is there."""
        absent = pb.Compare(key=key.encode(), target=pb.Compare.VERSION, result=pb.Compare.EQUAL, version=0)
        write = pb.RequestOp(request_put=pb.PutRequest(key=key.encode(), value=value))
        answer = await self._call(self._kv.Txn, pb.TxnRequest(compare=[absent], success=[write]))
        return bool(answer.succeeded)

    async def grant_lease(self, ttl_s: int) -> int:
        """Keys put with it vanish after `ttl_s`: never sooner, but later if etcd changes its leader meanwhile."""
        answer = await self._call(self._lease.LeaseGrant, pb.LeaseGrantRequest(TTL=ttl_s))
        return int(answer.ID)

    async def _call(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        try:
            return await method(request, timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            if error.code() in NOT_NOW:
                raise Unavailable("etcd", error.code().name) from error
            raise


@contextlib.asynccontextmanager
async def connect(endpoint: str, deadline_s: float = DEADLINE_S) -> AsyncIterator[Etcd]:
    """`endpoint` is host:port. Returns at once, also when etcd is not there yet."""
    async with grpc.aio.insecure_channel(endpoint, options=OPTIONS) as channel:
        yield Etcd(channel, deadline_s)
