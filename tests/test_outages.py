"""A server that everything needs hangs, and goes away, in the middle of a load: refused politely, lost nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from clients.parley import ParleyClient, ParleyError
from tests.conftest import DEADLINE_S, Chat
from tests.load import LONGEST_S, Load, is_polite, load

Door = Callable[[ParleyClient, str], Awaitable[object]]
DOORS: dict[str, Door] = {
    "kafka": lambda client, conversation_id: client.mark_read(conversation_id, 1),
    "mongo": lambda client, conversation_id: client.history(conversation_id),
    "etcd": lambda client, conversation_id: client.open_conversation(["nobody"]),
}
WHO_SAYS = {"kafka": "router", "mongo": "router", "redis": "router", "etcd": "auth"}


@pytest.mark.parametrize("server", ["kafka", "mongo", "redis", "etcd"])
async def test_what_needs_it_is_refused_and_what_was_accepted_arrives_once_it_is_back(chat: Chat, server: str) -> None:
    async with load(chat) as under:
        for outage in (chat.hanging, chat.stopped):
            async with outage(server):
                await is_told(chat, server)
                await is_refused(chat, under, server)
                if server != "mongo":
                    await under.recipient.client.history(under.senders[0].conversation_id)
            await under.goes_on()
        under.check_answers()
        if server != "kafka":
            assert under.refusals_but_of_kafka == []
    await under.check_ledger()


async def is_told(chat: Chat, server: str) -> None:
    """`/health/ready` says who is away."""
    async with asyncio.timeout(DEADLINE_S):
        while server not in " ".join(await chat.waits_for(WHO_SAYS[server])):
            await asyncio.sleep(0.05)


async def is_refused(chat: Chat, under: Load, server: str) -> None:
    if server not in DOORS:
        return
    conversation_id = under.senders[0].conversation_id
    token = under.recipient.client.access_token
    async with ParleyClient(chat.stack.gateway_url, access_token=token, attempts=1) as client:
        begun = time.monotonic()
        with pytest.raises(ParleyError) as refusal:
            await DOORS[server](client, conversation_id)
        assert is_polite(refusal.value)
        assert time.monotonic() - begun < LONGEST_S
