"""The platforms' process alone is killed: who is told of what people say there is not forgotten, nor who people are."""

from collections.abc import AsyncIterator

import httpx
import pytest

from clients.parley import ParleyClient
from tests.conftest import PASSWORD, Chat, Device, until
from tests.registered import registered

INBOX = "inbox"
CHANNELS = ("telegram", "whatsapp", "messenger", "instagram")


@pytest.fixture
async def inbox(chat: Chat) -> AsyncIterator[Device]:
    """A device of who gets what people there write first."""
    async with ParleyClient(chat.stack.gateway_url) as client:
        await registered(chat.stack.etcd, PASSWORD, INBOX)  # another test may have done so
        await client.log_in(INBOX, PASSWORD)
        async with client.socket() as socket:
            device = Device(socket, acknowledges=True)
            yield device
            await device.close()


@pytest.fixture
async def there(chat: Chat) -> AsyncIterator[httpx.AsyncClient]:
    url = f"http://127.0.0.1:{chat.processes.ports['simulator']}/_sim/phones/"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        yield http


async def test_what_is_said_on_phones_arrives_though_their_platforms_were_killed(
    chat: Chat, inbox: Device, there: httpx.AsyncClient
) -> None:
    phones = {channel: (await there.post(channel, json={"name": "Tea"})).json()["address"] for channel in CHANNELS}
    kept = (chat.places.data / "simulator.json").read_text
    await until(lambda: all(address in kept() for address in phones.values()))
    told = chat.processes.pid_of("webhooks")
    chat.kill("simulator")
    await chat.whole_again()
    for channel, address in phones.items():
        assert (await there.post(f"{channel}/{address}/say", json={"text": "Still there?"})).is_success
    senders = {f"{channel}:{address}" for channel, address in phones.items()}
    await until(lambda: senders <= {m.sender for m in inbox.messages if m.text == "Still there?"})
    assert chat.processes.pid_of("webhooks") == told
