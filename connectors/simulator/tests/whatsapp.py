"""WhatsApp as tests reach it: the Cloud API, what people do, and what a webhook hears."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.simulator.app import simulator
from connectors.simulator.settings import Settings, WhatsAppNumber
from connectors.simulator.tests.hook import VERIFY_TOKEN, Hook

Json = dict[str, Any]
SECRET = "an-app-secret"
NUMBER, TOKEN = "106540352242922", "EAAtoken"
HEAD: Json = {"messaging_product": "whatsapp", "recipient_type": "individual"}


@dataclass(frozen=True)
class Site:
    url: str
    http: httpx.AsyncClient

    async def answer(self, path: str, body: Any, token: str = TOKEN, node: str = NUMBER) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.http.post(f"{self.url}/whatsapp/v25.0/{node}{path}", json=body, headers=headers)

    async def call(self, path: str, body: Any) -> Json:
        found = await self.answer(path, body)
        assert found.status_code == 200, found.text
        return dict(found.json())

    async def error(self, body: Any, path: str = "/messages", **more: str) -> int:
        found = await self.answer(path, body, **more)
        assert found.status_code >= 400, found.text
        return int(found.json()["error"]["code"])

    async def get(self, node: str, token: str = TOKEN) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.http.get(f"{self.url}/whatsapp/v25.0/{node}", headers=headers)

    async def send(self, to: str, text: str = "hi", **more: Any) -> str:
        """The id of the message that was taken."""
        return str((await self.call("/messages", {**message(to, "text", {"body": text}), **more}))["messages"][0]["id"])

    async def upload(self, filename: str, content_type: str, content: bytes, **more: str) -> httpx.Response:
        return await self.http.post(
            f"{self.url}/whatsapp/v25.0/{NUMBER}/media",
            data={"messaging_product": "whatsapp", "type": content_type, **more},
            files={"file": (filename, content, content_type)},
            headers={"authorization": f"Bearer {TOKEN}"},
        )

    async def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        query, sent = (body, None) if method == "GET" else (None, body)
        answer = await self.http.request(method, f"{self.url}/_sim/whatsapp/{path}", params=query, json=sent)
        assert answer.is_success, answer.text
        return answer.json()

    async def person(self, name: str = "ana", **more: Any) -> str:
        return str((await self.sim("people", first_name=name, **more))["id"])

    async def is_heard_by(self, hook: Hook) -> None:
        configuration = {"override_callback_uri": hook.url, "verify_token": VERIFY_TOKEN}
        await self.call("", {"webhook_configuration": configuration})


def message(to: str, kind: str, content: Any) -> Json:
    return {**HEAD, "to" if to.isdecimal() else "recipient": to, "type": kind, kind: content}


def values(hook: Hook) -> list[Json]:
    """What each change said, in the order in which they came."""
    return [c["value"] for r in hook.received for entry in r.update["entry"] for c in entry["changes"]]


def statuses(hook: Hook) -> list[tuple[str, str]]:
    return [(s["id"], s["status"]) for value in values(hook) for s in value.get("statuses", ())]


def messages(hook: Hook) -> list[Json]:
    return [m for value in values(hook) for m in value.get("messages", ())]


@asynccontextmanager
async def running() -> AsyncIterator[Site]:
    number = WhatsAppNumber(id=NUMBER, token=TOKEN, app_secret=SECRET, name="Lucky Shrub")
    given = Settings(_env_file=None, port=0, whatsapp_numbers=(number,))  # type: ignore[call-arg]
    async with simulator(given) as door, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield Site(door.url, http)
