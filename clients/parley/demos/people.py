"""Fresh people for demonstrations."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clients.parley.client import ParleyClient


@asynccontextmanager
async def a_user(name: str, url: str, deadline_s: float, verify: bool) -> AsyncIterator[tuple[ParleyClient, str, str]]:
    """Somebody new, logged in: their client, username and password. The store is always verified."""
    username, password = f"{name}-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    async with ParleyClient(url, deadline_s=deadline_s, verify=verify, storage_verify=True) as client:
        await client.register(username, password)
        await client.log_in(username, password)
        yield client, username, password
