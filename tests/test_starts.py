"""A service that starts while everything is away waits, says so, refuses politely, and works once all is back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from clients.parley import ChatSocket, ParleyClient, ParleyError, SocketClosedError
from libs.common.tests.line import Line, line_to
from tests.conftest import PASSWORD, Chat, Device, Person
from tests.load import is_polite, load
from tests.processes import PATIENCE_S, Service, one_more

WHERE = {
    "etcd": "127.0.0.1:{}",
    "redis": "redis://127.0.0.1:{}/0",
    "mongo": "mongodb://127.0.0.1:{}/?directConnection=true",
    "kafka": "127.0.0.1:{}",
    "auth": "http://127.0.0.1:{}",
}
"""In the order in which they come back."""
NEEDS = {
    "auth": {"etcd"},
    "frontend": {"etcd", "mongo", "kafka", "auth"},
    "presence": {"etcd", "redis", "mongo", "kafka", "auth"},
    "router": {"etcd", "redis", "mongo", "kafka"},
}


@pytest.mark.parametrize("name", NEEDS)
async def test_a_service_that_starts_before_what_it_needs_waits_for_it_and_then_works(chat: Chat, name: str) -> None:
    person = await chat.person("ana")
    async with cut_lines(chat, NEEDS[name]) as lines, one_more(chat.stack, name, **where(lines)) as service:
        await service.is_up()
        await REFUSES[name](service, person)
        for back in lines:
            await waits_for(service, [other for other in lines if lines[other][0].is_cut])
            lines[back][0].is_cut = False
        await service.is_ready()
        await WORKS[name](service, person, chat)


@asynccontextmanager
async def cut_lines(chat: Chat, servers: Iterable[str]) -> AsyncIterator[dict[str, tuple[Line, int]]]:
    """A line to each, and the port at its near end."""
    async with AsyncExitStack() as resources:
        lines = {
            server: await resources.enter_async_context(line_to(chat.processes.ports[server]))
            for server in WHERE
            if server in servers
        }
        for line, _ in lines.values():
            line.cut()
        yield lines


def where(lines: dict[str, tuple[Line, int]]) -> dict[str, str]:
    settings = {server: "auth_url" if server == "auth" else server for server in lines}
    return {settings[server]: WHERE[server].format(port) for server, (_, port) in lines.items()}


async def waits_for(service: Service, servers: list[str]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            said = " ".join(f"{name} {why}" for name, why in (await service.away()).items()).lower()
            if all(server in said for server in servers):
                return
            await asyncio.sleep(0.05)


async def no_log_in(service: Service, person: Person) -> None:
    async with ParleyClient(service.url, attempts=1) as client:
        await is_refused(client.log_in(person.name, PASSWORD))


async def no_request(service: Service, person: Person) -> None:
    async with ParleyClient(service.url, access_token=person.client.access_token, attempts=1) as client:
        await is_refused(client.history("0194d3a0-0000-7000-8000-000000000000"))


async def no_socket(service: Service, person: Person) -> None:
    with pytest.raises(SocketClosedError) as closed:
        await ChatSocket(service.ws_url, person.client.access_token or "").__aenter__()
    assert closed.value.code == 1013


async def nothing(service: Service, person: Person) -> None:
    """A router has no door."""


async def is_refused(request: Awaitable[object]) -> None:
    with pytest.raises(ParleyError) as refusal:
        await request
    assert is_polite(refusal.value)


async def logs_in(service: Service, person: Person, chat: Chat) -> None:
    async with ParleyClient(service.url) as client:
        await client.log_in(person.name, PASSWORD)


async def accepts(service: Service, person: Person, chat: Chat) -> None:
    bo = await chat.person("bo")
    device = await bo.connect()
    conversation = await person.client.open_conversation([bo.name])
    async with ParleyClient(service.url, access_token=person.client.access_token) as client:
        await client.send(conversation.conversation_id, "hi")
    await device.until(1)


async def connects(service: Service, person: Person, chat: Chat) -> None:
    async with ChatSocket(service.ws_url, person.client.access_token or "") as socket:
        device = Device(socket, acknowledges=False)
        bo = await chat.person("bo")
        conversation = await bo.client.open_conversation([person.name])
        await bo.client.send(conversation.conversation_id, "hi")
        await device.until(1)
        await device.close()


async def routes(service: Service, person: Person, chat: Chat) -> None:
    async with load(chat) as under:
        await service.works_again(1)
        await under.goes_on()
        under.check_answers()
    await under.check_ledger()


Refuses = Callable[[Service, Person], Awaitable[None]]
REFUSES: dict[str, Refuses] = {"auth": no_log_in, "frontend": no_request, "presence": no_socket, "router": nothing}
Works = Callable[[Service, Person, Chat], Awaitable[None]]
WORKS: dict[str, Works] = {"auth": logs_in, "frontend": accepts, "presence": connects, "router": routes}
