"""Which sessions were ended before their time: a watch of etcd that tells the verifier of tokens, and whoever asks."""

from collections.abc import Callable, Mapping
from typing import NoReturn

from libs.common.auth import TokenVerifier
from libs.common.etcd import Etcd

PREFIX = "/parley/revoked/"


def revoked_key(session_id: str) -> str:
    """Where auth puts the session, under a lease that outlives the session's last access token."""
    return PREFIX + session_id


class Revocations:
    """From here on the verifier refuses every token until `run` has told it once which sessions are revoked.

    While etcd is away it goes on with what it knew; what was revoked meanwhile it learns as soon as etcd is back.
    """

    def __init__(
        self, registry: Etcd, verifier: TokenVerifier, on_revoked: Callable[[str], None] = lambda session_id: None
    ) -> None:
        """`on_revoked` is told each session once, after the verifier."""
        self._registry = registry
        self._verifier = verifier
        self._on_revoked = on_revoked
        self._known: set[str] = set()
        verifier.await_revocations()

    async def run(self) -> NoReturn:
        """For ever."""
        await self._registry.watch(PREFIX, self._on_snapshot, self._on_change)

    def _on_snapshot(self, found: Mapping[str, bytes]) -> None:
        there = {key.removeprefix(PREFIX) for key in found}
        for session_id in self._known - there:
            self._forget(session_id)
        self._verifier.revoke(*there)
        for session_id in there - self._known:
            self._add(session_id)

    def _on_change(self, key: str, value: bytes | None) -> None:
        session_id = key.removeprefix(PREFIX)
        if value is None:
            self._forget(session_id)
        elif session_id not in self._known:
            self._verifier.revoke(session_id)
            self._add(session_id)

    def _add(self, session_id: str) -> None:
        self._known.add(session_id)
        self._on_revoked(session_id)

    def _forget(self, session_id: str) -> None:
        """Its tokens have expired by now."""
        self._known.discard(session_id)
        self._verifier.forget(session_id)
