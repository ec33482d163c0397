"""The HTTP calls about webhooks, one method a call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from clients.parley.calls import Calls
from clients.parley.webhooks.objects import Hook, HookPage, Queued, Replaying, SentPage


class Webhooks:
    """The webhooks of one user; `ParleyClient.webhooks` is one. What is not one's own is 404."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(
        self,
        url: str,
        *,
        events: Sequence[str] | None = None,
        description: str | None = None,
        scope: str | None = None,
    ) -> Hook:
        """With its secret, this once. Never repeated: each call makes another. `scope` "all" is for operators."""
        body = {
            "url": url,
            "events": None if events is None else list(events),
            "description": description,
            "scope": scope,
        }
        return await self._calls.ask(Hook, "POST", "/v1/webhooks", body, repeatable=False)

    async def page(self, *, limit: int = 50, cursor: str | None = None) -> HookPage:
        return await self._calls.ask(HookPage, "GET", "/v1/webhooks", query=_page(limit, cursor))

    async def get(self, webhook_id: str) -> Hook:
        return await self._calls.ask(Hook, "GET", _path(webhook_id))

    async def change(self, webhook_id: str, **fields: Any) -> Hook:
        """`url`, `events`, `enabled`, `description`: what is not named stays."""
        return await self._calls.ask(Hook, "PATCH", _path(webhook_id), fields)

    async def delete(self, webhook_id: str) -> None:
        await self._calls.ask(None, "DELETE", _path(webhook_id))

    async def rotate(self, webhook_id: str) -> Hook:
        """With its new secret; the old one is valid for 24 hours. Never repeated: each call makes another."""
        return await self._calls.ask(Hook, "POST", f"{_path(webhook_id)}/rotate", repeatable=False)

    async def test(self, webhook_id: str) -> Queued:
        """A signed test event, in a moment."""
        return await self._calls.ask(Queued, "POST", f"{_path(webhook_id)}/test")

    async def deliveries(self, webhook_id: str, *, limit: int = 50, cursor: str | None = None) -> SentPage:
        """What it was sent in the last 30 days, newest first, with the attempts."""
        return await self._calls.ask(SentPage, "GET", f"{_path(webhook_id)}/deliveries", query=_page(limit, cursor))

    async def redeliver(self, webhook_id: str, delivery_id: str) -> Queued:
        """Once more, with the same `webhook-id`."""
        path = f"{_path(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/redeliver"
        return await self._calls.ask(Queued, "POST", path)

    async def replay(
        self, webhook_id: str, since: datetime, until: datetime, events: Sequence[str] | None = None
    ) -> Replaying:
        """All that happened from `since` to before `until`, both aware, once more."""
        body = {
            "since": since.isoformat(),
            "until": until.isoformat(),
            "events": None if events is None else list(events),
        }
        return await self._calls.ask(Replaying, "POST", f"{_path(webhook_id)}/replay", body, repeatable=False)


def _path(webhook_id: str) -> str:
    return f"/v1/webhooks/{quote(webhook_id, safe='')}"


def _page(limit: int, cursor: str | None) -> dict[str, str | int]:
    return {"limit": limit} | ({"cursor": cursor} if cursor else {})
