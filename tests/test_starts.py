"""A service that starts while everything is away waits, says so, refuses politely, and works once all is back."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from clients.parley import ChatSocket, ParleyClient, ParleyError, SocketClosedError
from libs.common.tests.line import Line, line_to
from tests.conftest import PASSWORD, Chat, Device, Person
from tests.load import FOR_TWO_ROUTERS, is_polite, load
from tests.processes import PATIENCE_S, Service, one_more

WHERE = {
    "etcd": "127.0.0.1:{}",
    "redis": "redis://127.0.0.1:{}/0",
    "mongo": "mongodb://127.0.0.1:{}/?directConnection=true",
    "kafka": "127.0.0.1:{}",
    "s3": "http://127.0.0.1:{}",
    "auth": "http://127.0.0.1:{}",
}
"""In the order in which they come back."""
NEEDS = {
    "auth": {"etcd"},
    "frontend": {"etcd", "mongo", "kafka", "auth"},
    "presence": {"etcd", "redis", "mongo", "kafka", "auth"},
    "router": {"etcd", "redis", "mongo", "kafka"},
    "files": {"etcd", "mongo", "kafka", "s3", "auth"},
    "webhooks": {"etcd", "mongo", "kafka", "auth"},
}
HOOK = "/v1/channels/telegram/tests/webhook"
PROOF = {"X-Telegram-Bot-Api-Secret-Token": "a-secret"}
TOLD = {
    "webhooks": {
        "channels__telegram__tests__token": "700000009:of_tests",
        "channels__telegram__tests__webhook_secret": "a-secret",
        "public_url": "",
    }
}
URLS = {"auth": "auth_url", "s3": "s3_url"}


@pytest.mark.parametrize("name", NEEDS)
async def test_a_service_that_starts_before_what_it_needs_waits_for_it_and_then_works(chat: Chat, name: str) -> None:
    person = await chat.person("ana")
    async with (
        cut_lines(chat, NEEDS[name]) as lines,
        one_more(chat.stack, name, **where(lines), **TOLD.get(name, {})) as service,
    ):
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
    return {URLS.get(server, server): WHERE[server].format(port) for server, (_, port) in lines.items()}


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


async def no_file(service: Service, person: Person) -> None:
    async with httpx.AsyncClient(base_url=service.url, headers=bearing(person), timeout=60) as http:
        answer = await http.get("/v1/files")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def no_update(service: Service, person: Person) -> None:
    """Also nothing without proof, which needs no Kafka to be refused."""
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as http:
        assert (await http.post(HOOK, json={"update_id": 1})).status_code == 401
        answer = await http.post(HOOK, json={"update_id": 1}, headers=PROOF)
    assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")


def bearing(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.client.access_token}"}


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
    async with load(chat, FOR_TWO_ROUTERS) as under:
        await service.works_again(1)
        await under.goes_on()
        under.check_answers()
    await under.check_ledger()


async def keeps_files(service: Service, person: Person, chat: Chat) -> None:
    content = b"hello"
    asked = {"filename": "a.txt", "size": len(content), "content_type": "text/plain"}
    async with httpx.AsyncClient(base_url=service.url, headers=bearing(person), timeout=PATIENCE_S) as http:
        begun = (await http.post("/v1/files/initiate", json=asked)).raise_for_status().json()
        upload = begun["upload"]
        async with httpx.AsyncClient(timeout=60) as past_us:
            (await past_us.put(upload["url"], content=content, headers=upload["headers"])).raise_for_status()
        body = {"file_id": begun["file_id"], "sha256": hashlib.sha256(content).hexdigest()}
        assert (await http.post("/v1/files/complete", json=body)).json()["status"] == "completed"


async def takes_updates(service: Service, person: Person, chat: Chat) -> None:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as http:
        assert (await http.post(HOOK, json={"update_id": 1}, headers=PROOF)).status_code == 200
        asked = {"url": "https://example.com/hooks", "events": ["message.failed"]}
        made = await http.post("/v1/webhooks", json=asked, headers=bearing(person))
        assert made.status_code == 201
        told = await http.get(f"/v1/webhooks/{made.json()['webhook_id']}/deliveries", headers=bearing(person))
        assert told.json()["items"] == []


Refuses = Callable[[Service, Person], Awaitable[None]]
REFUSES: dict[str, Refuses] = {
    "auth": no_log_in,
    "frontend": no_request,
    "presence": no_socket,
    "router": nothing,
    "files": no_file,
    "webhooks": no_update,
}
Works = Callable[[Service, Person, Chat], Awaitable[None]]
WORKS: dict[str, Works] = {
    "auth": logs_in,
    "frontend": accepts,
    "presence": connects,
    "router": routes,
    "files": keeps_files,
    "webhooks": takes_updates,
}


@pytest.mark.parametrize("name", ["router", "files", "webhooks"])
async def test_a_service_with_another_secret_than_the_installation_ends_and_says_what_to_do(
    chat: Chat, name: str
) -> None:
    async with (
        one_more(chat.stack, name, installation_secret="another secret of 32 characters!") as service,
        asyncio.timeout(PATIENCE_S),
    ):
        assert await service.process.wait() == 1
    said = (chat.stack.state / "logs" / f"one-more-{name}.log").read_text()
    assert "PARLEY_INSTALLATION_SECRET is not the one that this installation began with" in said
