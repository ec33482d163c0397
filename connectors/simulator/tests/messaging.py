"""Messenger and Instagram as tests reach them: the Graph API, what people do, and what a webhook hears."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from connectors.simulator.app import simulator
from connectors.simulator.settings import MetaAccount, Settings
from connectors.simulator.tests.hook import VERIFY_TOKEN, Hook

Platform = Literal["messenger", "instagram"]
Json = dict[str, Any]
SECRET = "an-app-secret"
ACCOUNT, APP, TOKEN = "1234567890", "2233445566", "EAAtoken"
FIELDS: dict[Platform, list[str]] = {
    "messenger": [
        *("messages", "messaging_postbacks", "message_deliveries", "message_reads"),
        *("message_echoes", "message_reactions", "message_edits"),
    ],
    "instagram": ["messages", "messaging_postbacks", "messaging_seen", "message_reactions", "message_edit"],
}


@dataclass(frozen=True)
class Site:
    """One of the platforms, with one account."""

    name: Platform
    url: str
    http: httpx.AsyncClient

    async def answer(self, edge: str, body: Any, token: str = TOKEN, node: str = ACCOUNT) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.http.post(f"{self.url}/{self.name}/v25.0/{node}/{edge}", json=body, headers=headers)

    async def call(self, edge: str, body: Any, **more: str) -> Json:
        found = await self.answer(edge, body, **more)
        assert found.status_code == 200, found.text
        return dict(found.json())

    async def error(self, edge: str, body: Any, **more: str) -> tuple[int, int]:
        """Its code and subcode."""
        found = await self.answer(edge, body, **more)
        assert found.status_code >= 400, found.text
        error = found.json()["error"]
        return error["code"], error.get("error_subcode", 0)

    async def send(self, to: str, text: str = "hi", **more: Any) -> str:
        return str((await self.call("messages", message(to, {"text": text}, **more)))["message_id"])

    async def upload(self, filename: str, content_type: str, content: bytes, kind: str = "image") -> httpx.Response:
        fields = {"message": f'{{"attachment": {{"type": "{kind}", "payload": {{"is_reusable": true}}}}}}'}
        fields |= {"platform": "instagram"} if self.name == "instagram" else {}
        return await self.http.post(
            f"{self.url}/{self.name}/v25.0/{ACCOUNT}/message_attachments",
            data=fields,
            files={"filedata": (filename, content, content_type)},
            headers={"authorization": f"Bearer {TOKEN}"},
        )

    async def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        query, sent = (body, None) if method == "GET" else (None, body)
        answer = await self.http.request(method, f"{self.url}/_sim/{self.name}/{path}", params=query, json=sent)
        assert answer.is_success, answer.text
        return answer.json()

    async def person(self, name: str = "ana", **more: Any) -> str:
        return str((await self.sim("people", first_name=name, **more))["id"])

    async def is_heard_by(self, hook: Hook, *fields: str) -> None:
        """All that there is, or these fields."""
        chosen = list(fields) or FIELDS[self.name]
        of = "page" if self.name == "messenger" else "instagram"
        subscription = {"object": of, "callback_url": hook.url, "verify_token": VERIFY_TOKEN, "fields": chosen}
        await self.call("subscriptions", subscription, token=f"{APP}|{SECRET}", node=APP)
        await self.call("subscribed_apps", {"subscribed_fields": chosen})


def message(to: str, content: Json, **more: Any) -> Json:
    return {"recipient": {"id": to}, "messaging_type": "RESPONSE", "message": content, **more}


def events(hook: Hook) -> list[Json]:
    """All that was heard, without its ends and times."""
    every = [e for r in hook.received for entry in r.update["entry"] for e in entry["messaging"]]
    return [{k: v for k, v in each.items() if k not in ("sender", "recipient", "timestamp")} for each in every]


@asynccontextmanager
async def running() -> AsyncIterator[dict[Platform, Site]]:
    account = MetaAccount(id=ACCOUNT, token=TOKEN, app_id=APP, app_secret=SECRET, name="Blue Shop")
    given = Settings(_env_file=None, port=0, messenger_accounts=(account,), instagram_accounts=(account,))  # type: ignore[call-arg]
    async with simulator(given) as door, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield {"messenger": Site("messenger", door.url, http), "instagram": Site("instagram", door.url, http)}
