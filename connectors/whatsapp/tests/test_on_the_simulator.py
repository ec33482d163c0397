"""The channel and the simulator know nothing of each other, and meet over HTTP alone, as the channel meets WhatsApp."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest

from connectors import sdk
from connectors.sdk import (
    Arrived,
    Attachment,
    Outbound,
    OutboundFile,
    Place,
    Pressed,
    Reach,
    Refused,
    Reported,
    Text,
    Throttled,
    Unreachable,
)
from connectors.simulator.app import simulator
from connectors.simulator.settings import Settings as SimulatorSettings
from connectors.simulator.settings import WhatsAppNumber
from connectors.whatsapp import Settings, WhatsApp

TOKEN, SECRET, NUMBER = "EAAtests", "a-secret-of-tests", "106540352242922"
PIECE = bytes(range(256)) * 256


@dataclass
class Scene:
    """`told`: what the platform has told so far, each request verified and read."""

    ours: WhatsApp
    http: httpx.AsyncClient
    url: str
    told: list[sdk.Inbound] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def sim(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.url}/_sim/whatsapp/{path}", json=body)
        answer.raise_for_status()
        return cast(dict[str, Any], answer.json())

    async def person(self, name: str = "Ana", **more: Any) -> str:
        return str((await self.sim("people", first_name=name, **more))["id"])

    async def log(self) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.url}/_sim/whatsapp/log")
        return [entry for entry in answer.json()["items"] if entry["what"] == "sent"]

    async def until(self, condition: Callable[[list[sdk.Inbound]], object]) -> list[sdk.Inbound]:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: condition(self.told))
        return self.told

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Our webhook, as far as the channel has a part in it."""
        try:
            while True:
                writer.write(await self._answer(reader))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = sdk.WebhookRequest(method, headers, dict(httpx.URL(target).params), body)
        words = self.ours.handshake(request) if method == "GET" else ""
        if method == "POST":
            events = [e for update in self.ours.receive(request) for e in self.ours.handle_webhook(update.body)]
            async with self.changed:
                self.told += events
                self.changed.notify_all()
        return f"HTTP/1.1 200 OK\r\ncontent-length: {len(words)}\r\n\r\n{words}".encode()


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    number = WhatsAppNumber(id=NUMBER, token=TOKEN, app_secret=SECRET, name="Lucky Shrub")
    async with simulator(SimulatorSettings(port=0, whatsapp_numbers=(number,))) as door:
        yield door.url


@pytest.fixture
async def scene(url: str) -> AsyncIterator[Scene]:
    """A platform on which nothing has happened yet, and which has shaken hands with us."""
    settings = Settings(
        access_token=TOKEN,
        app_secret=SECRET,
        verify_token="a-verify-token",
        phone_number_id=NUMBER,
        base_url=f"{url}/whatsapp",
        timeout_s=30,
    )
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        await http.post(f"{url}/_sim/reset")
        made = Scene(WhatsApp(http, settings), http, url)
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            account = await made.ours.connect(f"http://127.0.0.1:{port}/hook")
            assert (account.id, account.title) == (NUMBER, "Lucky Shrub")
            yield made
            await made.ours.disconnect()


def text(address: str, words: str = "hi", reply_to: str | None = None) -> Outbound:
    return Outbound("m1", address, Text(words), reply_to)


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE


def statuses(told: list[sdk.Inbound]) -> list[tuple[str, str]]:
    return [(e.external_ids[0], e.status) for e in told if isinstance(e, Reported)]


async def test_a_conversation_with_replies_both_ways_and_all_its_statuses(scene: Scene) -> None:
    ana = await scene.person()
    (ours,) = (await scene.ours.send_message(text(ana, "Are you there?"))).external_ids
    await scene.sim(f"people/{ana}/read")
    await scene.until(lambda told: (ours, "READ") in statuses(told))
    assert statuses(scene.told) == [(ours, "SENT"), (ours, "DELIVERED"), (ours, "READ")]
    await scene.sim(f"people/{ana}/say", text="Yes!", reply_to="last")
    told = await scene.until(lambda told: any(isinstance(e, Arrived) for e in told))
    (yes,) = [e for e in told if isinstance(e, Arrived)]
    assert (yes.address, yes.sender.name, yes.content, yes.reply_to) == (ana, "Ana", Text("Yes!"), ours)
    await scene.ours.send_message(text(ana, "Good", reply_to=yes.external_id))
    assert (await scene.log())[-1]["reply_to"] == yes.external_id


async def test_somebody_with_a_username_alone_is_written_to_and_heard(scene: Scene) -> None:
    pablo = await scene.person("Pablo", username="pablo.m")
    (ours,) = (await scene.ours.send_message(text(pablo))).external_ids
    await scene.sim(f"people/{pablo}/say", text="hola")
    told = await scene.until(lambda told: any(isinstance(e, Arrived) for e in told))
    assert {e.address for e in told} == {pablo}
    assert (ours, "DELIVERED") in statuses(told)


async def test_a_place_goes_and_comes(scene: Scene) -> None:
    ana = await scene.person()
    await scene.ours.send_message(Outbound("m1", ana, Place(48.2082, 16.3738, "Wien")))
    await scene.sim(f"people/{ana}/say", location=[48.2082, 16.3738])
    told = await scene.until(lambda told: any(isinstance(e, Arrived) for e in told))
    assert [e.content for e in told if isinstance(e, Arrived)] == [Place(48.2082, 16.3738)]
    assert (await scene.log())[0]["kind"] == "location"


async def test_a_file_arrives_as_it_was_both_ways(scene: Scene) -> None:
    ana, count = await scene.person(), 80
    file = OutboundFile("m1", ana, "größe.pdf", "application/pdf", count * len(PIECE), caption="Look")
    await scene.ours.send_file(file, pieces(count))
    (entry,) = await scene.log()
    assert (entry["text"], entry["sha256"]) == ("Look", hashlib.sha256(PIECE * count).hexdigest())
    path = f"{scene.url}/_sim/whatsapp/people/{ana}/file"
    kind = {"content-type": "image/jpeg"}
    await scene.http.post(path, content=PIECE * 3, params={"filename": "a.jpg", "caption": "Today"}, headers=kind)
    told = await scene.until(lambda told: any(isinstance(e, Arrived) for e in told))
    (content,) = [e.content for e in told if isinstance(e, Arrived)]
    assert isinstance(content, Attachment)
    assert (content.filename, content.content_type, content.caption) == ("image.jpg", "image/jpeg", "Today")
    attachment, read = await scene.ours.open_file(content.ref)
    assert b"".join([piece async for piece in read]) == PIECE * 3
    assert attachment.size == 3 * len(PIECE)


@pytest.mark.parametrize(("filename", "kind"), [("a.zip", "application/zip"), ("a.gif", "image/gif")])
async def test_a_file_of_another_type_is_refused(scene: Scene, filename: str, kind: str) -> None:
    with pytest.raises(Refused) as caught:
        await scene.ours.send_file(OutboundFile("m1", await scene.person(), filename, kind, len(PIECE)), pieces(1))
    assert caught.value.code == "bad_request"


async def test_a_closed_window_is_refused_at_once_or_told_afterwards(scene: Scene) -> None:
    ana = await scene.person()
    await scene.sim(f"people/{ana}/wait", hours=25)
    (late,) = (await scene.ours.send_message(text(ana))).external_ids
    told = await scene.until(lambda told: statuses(told) == [(late, "FAILED")])
    assert [e.code for e in told if isinstance(e, Reported)] == ["window_closed"]
    await scene.http.put(f"{scene.url}/_sim/whatsapp/limits", json={"window_by": "answer"})
    with pytest.raises(Refused) as caught:
        await scene.ours.send_message(text(ana))
    assert caught.value.code == "window_closed"


async def test_limits_are_waits(scene: Scene) -> None:
    ana, bo = await scene.person(), await scene.person("Bo")
    waits = []
    for chat in (ana, None):
        await scene.sim("faults", kind="flood", times=1, **({"chat": chat} if chat else {}))
        with pytest.raises(Throttled) as caught:
            await scene.ours.send_message(text(ana))
        waits.append(caught.value.after_s)
    assert waits == [6, 1]
    await scene.ours.send_message(text(bo))


async def test_nobody_is_at_that_number_or_id(scene: Scene) -> None:
    (ours,) = (await scene.ours.send_message(text("4366012345678"))).external_ids
    told = await scene.until(lambda told: statuses(told) == [(ours, "FAILED")])
    assert [e.code for e in told if isinstance(e, Reported)] == ["not_found"]
    with pytest.raises(Refused) as caught:
        await scene.ours.send_message(text("US.1"))
    assert caught.value.code == "not_found"


async def test_a_press_a_contact_and_a_changed_number(scene: Scene) -> None:
    ana = await scene.person()
    buttons = [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]
    interactive = {"type": "button", "body": {"text": "Coming?"}, "action": {"buttons": buttons}}
    asked = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": ana, "type": "interactive"}
    path = f"{scene.url}/whatsapp/v25.0/{NUMBER}/messages"
    bearer = {"authorization": f"Bearer {TOKEN}"}
    await scene.http.post(path, json={**asked, "interactive": interactive}, headers=bearer)
    await scene.sim(f"people/{ana}/press", button="Yes")
    await scene.sim(f"people/{ana}/say", kind="contacts")
    await scene.sim(f"people/{ana}/number", number="12195555358")
    told = await scene.until(lambda told: len([e for e in told if isinstance(e, Reach)]) == 2)
    assert [e.data for e in told if isinstance(e, Pressed)] == ["y"]
    assert [e.content for e in told if isinstance(e, Arrived)] == [Text("Bo Berg, +43 660 1234567")]
    reach = [(e.address, e.can_be_reached) for e in told if isinstance(e, Reach)]
    assert reach == [(ana, False), ("12195555358", True)]


@pytest.mark.parametrize("kind", ["reset", "error", "lost"])
async def test_a_call_that_goes_wrong_may_be_tried_again_and_may_have_been_done(scene: Scene, kind: str) -> None:
    ana = await scene.person()
    await scene.sim("faults", kind=kind, times=1)
    with pytest.raises(Unreachable) as caught:
        await scene.ours.send_message(text(ana))
    assert caught.value.uncertain
    await scene.ours.send_message(text(ana))
