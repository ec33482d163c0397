"""A revoked session is refused wherever etcd is watched, also after an outage of etcd; on a real etcd."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from libs.common import etcd
from libs.common.auth import TokenVerifier
from libs.common.clock import new_id
from libs.common.errors import Problem, Unavailable
from libs.common.revocations import Revocations, revoked_key
from libs.common.tests.line import PATIENCE_S, line_to
from libs.common.tests.noise import soonest
from libs.common.tests.test_auth import Publisher, refused

PORT = slice(len("127.0.0.1:"), None)


@dataclass
class Watcher:
    """A service that watches: its verifier, and what it was told."""

    auth: Publisher
    verifier: TokenVerifier
    told: list[str] = field(default_factory=list)

    async def until_refused(self, token: str) -> None:
        await self._until(token, True)

    async def until_believed(self, token: str) -> None:
        await self._until(token, False)

    async def _until(self, token: str, expected: bool) -> None:
        async with asyncio.timeout(60):
            while await self._waits(token) or await refused(self.verifier, token) is not expected:
                await asyncio.sleep(0.01)

    async def _waits(self, token: str) -> bool:
        try:
            await self.verifier.verify(token)
        except Unavailable:
            return True
        except Problem:
            return False
        return False


@contextlib.asynccontextmanager
async def watching(endpoint: str, auth: Publisher) -> AsyncIterator[Watcher]:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(auth))
    async with etcd.connect(endpoint) as registry, client:
        watcher = Watcher(auth, TokenVerifier("http://auth/keys", client))
        task = asyncio.create_task(Revocations(registry, watcher.verifier, watcher.told.append).run())
        try:
            yield watcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def registry(etcd_endpoint: str) -> AsyncIterator[etcd.Etcd]:
    async with etcd.connect(etcd_endpoint, PATIENCE_S) as registry:
        yield registry


@pytest.fixture
def auth() -> Publisher:
    return Publisher()


@pytest.fixture
def session_id() -> str:
    return new_id()


async def test_a_session_revoked_before_the_start_is_refused(
    registry: etcd.Etcd, etcd_endpoint: str, auth: Publisher, session_id: str
) -> None:
    await registry.put(revoked_key(session_id), b"", await registry.grant_lease(60))
    async with watching(etcd_endpoint, auth) as watcher:
        await watcher.until_refused(auth.token(sid=session_id))
        assert await watcher.verifier.verify(auth.token(sid="another"))
        assert watcher.told.count(session_id) == 1


async def test_a_verified_token_is_refused_as_soon_as_its_session_is_revoked(
    registry: etcd.Etcd, etcd_endpoint: str, auth: Publisher
) -> None:
    async with watching(etcd_endpoint, auth) as watcher:

        async def takes_s() -> float:
            session_id = new_id()
            token, unseen = auth.token(sid=session_id), auth.token(sid=session_id, jti="t2")
            await watcher.until_believed(token)
            revoked_at = time.monotonic()
            await registry.put(revoked_key(session_id), b"", await registry.grant_lease(60))
            await watcher.until_refused(token)
            took_s = time.monotonic() - revoked_at
            assert await refused(watcher.verifier, unseen)
            assert watcher.told.count(session_id) == 1
            return took_s

        assert await soonest(takes_s, 2) < 2


async def test_a_revocation_that_ends_is_forgotten(
    registry: etcd.Etcd, etcd_endpoint: str, auth: Publisher, session_id: str
) -> None:
    async with watching(etcd_endpoint, auth) as watcher:
        await registry.put(revoked_key(session_id), b"", await registry.grant_lease(8))
        await watcher.until_refused(auth.token(sid=session_id))
        await watcher.until_believed(auth.token(sid=session_id))


async def test_while_etcd_is_cut_off_known_tokens_serve_and_the_revoked_fall_when_it_is_back(
    registry: etcd.Etcd, etcd_endpoint: str, auth: Publisher
) -> None:
    async with line_to(int(etcd_endpoint[PORT])) as (line, port), watching(f"127.0.0.1:{port}", auth) as watcher:

        async def takes_s() -> float:
            session_id = new_id()
            token = auth.token(sid=session_id)
            await watcher.until_believed(token)
            line.cut()
            await registry.put(revoked_key(session_id), b"", await registry.grant_lease(60))
            assert await watcher.verifier.verify(token)
            line.is_cut = False
            mended_at = time.monotonic()
            await watcher.until_refused(token)
            took_s = time.monotonic() - mended_at
            assert watcher.told.count(session_id) == 1
            return took_s

        assert await soonest(takes_s, 2.5) < 2.5


async def test_who_never_heard_of_revocations_believes_no_token(auth: Publisher) -> None:
    async with watching("127.0.0.1:1", auth) as watcher:
        with pytest.raises(Unavailable, match="revoked"):
            await watcher.verifier.verify(auth.token())
        with pytest.raises(Unavailable, match="revoked"):
            await watcher.verifier.check()
