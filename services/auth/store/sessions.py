"""Sessions in etcd."""

import msgspec

from libs.common.etcd import Etcd
from services.auth.domain.sessions import REFRESH_LIVES, Session

_encode = msgspec.json.Encoder().encode


class EtcdSessions:
    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def keep_session(self, session: Session) -> None:
        """Until its refresh token expires. A failure between the two steps leaves an empty lease, which ends too."""
        lease = await self._registry.grant_lease(int(REFRESH_LIVES.total_seconds()))
        await self._registry.put(f"/parley/sessions/{session.session_id}", _encode(session), lease)
