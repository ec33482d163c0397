"""Sessions in etcd: each under a lease, with an entry in its user's list; and which of them were ended."""

import contextlib
from datetime import timedelta

import msgspec

from libs.common.errors import Unavailable
from libs.common.etcd import Delete, Etcd, Put, Unchanged, absent
from libs.common.revocations import revoked_key
from services.auth.domain.sessions import ACCESS_LIVES, LEASE_SLACK, REFRESH_LIVES, Session
from services.auth.handlers.sessions import Kept

SESSION_KEPT_S = int((REFRESH_LIVES + LEASE_SLACK).total_seconds())
# A refresh that read the session just before its end signs a token that lives an hour from that reading.
REVOKED_KEPT_S = int((ACCESS_LIVES + timedelta(minutes=1)).total_seconds())

_encode = msgspec.json.Encoder().encode
_session = msgspec.json.Decoder(Session).decode


class EtcdSessions:
    """Every write is one transaction; a failure around it leaves at most an empty lease, which ends by itself."""

    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def keep(self, session: Session) -> None:
        lease = await self._registry.grant_lease(SESSION_KEPT_S)
        await self._registry.commit([absent(_key(session.session_id))], _puts(session, lease))

    async def find(self, session_id: str) -> Kept | None:
        found = await self._registry.find(_key(session_id))
        return Kept(_session(found.value), found.revision, found.lease) if found else None

    async def ids_of(self, username: str) -> list[str]:
        """The oldest first: ids sort by the time they were made."""
        prefix = _list_key(username, "")
        return [key.removeprefix(prefix) for key in await self._registry.list(prefix)]

    async def replace(self, kept: Kept, session: Session) -> bool:
        """False, and nothing changed, if the session is not as it was found."""
        unchanged = Unchanged(_key(session.session_id), kept.revision)
        if session.leased_until == kept.session.leased_until:
            return await self._registry.commit([unchanged], _puts(session, kept.lease))
        lease = await self._registry.grant_lease(SESSION_KEPT_S)
        is_done = await self._registry.commit([unchanged], _puts(session, lease))
        await self._drop_lease(kept.lease if is_done else lease)
        return is_done

    async def end(self, session_id: str, kept: Kept | None) -> bool:
        """Deletes the session, if it is there, and tells all services; False if it is not as it was found."""
        if kept is None and await self._registry.get(revoked_key(session_id)) is not None:
            return True
        lease = await self._registry.grant_lease(REVOKED_KEPT_S)
        unchanged = Unchanged(_key(session_id), kept.revision if kept else 0)
        told = Put(revoked_key(session_id), b"", lease)
        username = kept.session.username if kept else ""
        gone = [Delete(_key(session_id)), Delete(_list_key(username, session_id))] if kept else []
        if not await self._registry.commit([unchanged], [told, *gone]):
            await self._drop_lease(lease)
            return False
        if kept:
            await self._drop_lease(kept.lease)
        return True

    async def _drop_lease(self, lease: int) -> None:
        """It has no keys any more; if this fails, it ends in time."""
        with contextlib.suppress(Unavailable):
            await self._registry.revoke_lease(lease)


def _key(session_id: str) -> str:
    return f"/parley/sessions/{session_id}"


def _list_key(username: str, session_id: str) -> str:
    return f"/parley/sessions_of/{username}/{session_id}"


def _puts(session: Session, lease: int) -> list[Put]:
    return [
        Put(_key(session.session_id), _encode(session), lease),
        Put(_list_key(session.username, session.session_id), b"", lease),
    ]
