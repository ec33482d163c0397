"""People who are registered already: written where auth keeps them, for bcrypt takes 0.25 s of a core each time."""

import bcrypt

from libs.common import etcd
from libs.common.clock import now
from services.auth.domain.accounts import User
from services.auth.store.accounts import EtcdAccounts

LEAST_COST = 4  # of what bcrypt knows; a hash says itself what it costs to compare a password with it
DEADLINE_S = 60.0


async def registered(endpoint: str, password: str, *usernames: str) -> None:
    """Afterwards they may log in, in a millisecond; whoever was known stays as they are. `endpoint` is etcd's."""
    kept = bcrypt.hashpw(password.encode(), bcrypt.gensalt(LEAST_COST)).decode()
    async with etcd.connect(endpoint, DEADLINE_S) as registry:
        for name in usernames:
            await EtcdAccounts(registry).create_user(User(name, name, kept, now()))
