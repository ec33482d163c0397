"""Looking at what was told, telling it again, and telling something to try an endpoint."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from libs.common.clock import new_id, rfc3339
from libs.common.errors import Problem, invalid, not_found
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from services.webhooks.outgoing.domain.occurrences import Occurrence
from services.webhooks.outgoing.domain.webhooks import EVERY, TEST, Webhook
from services.webhooks.outgoing.handlers.registering import Registering
from services.webhooks.outgoing.handlers.rows import row_of
from services.webhooks.outgoing.handlers.shapes import (
    DeliveryPage,
    Queued,
    Replaying,
    ReplayRequest,
    delivery_view,
    kinds,
)

if TYPE_CHECKING:
    from libs.common.auth import Identity
    from services.webhooks.outgoing.store.deliveries import Deliveries

SOME = 500
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Log:
    """Every method raises `Problem`, or `Unavailable`."""

    webhooks: Registering
    deliveries: "Deliveries"
    lanes: Scheduler
    replays: Scheduler
    clock: Callable[[], datetime]

    async def page(self, caller: "Identity", webhook_id: str, limit: int, cursor: str | None) -> DeliveryPage:
        """Newest events first."""
        await self.webhooks.kept(caller, webhook_id)
        found = await self.deliveries.page(webhook_id, limit + 1, None if cursor is None else _place(cursor))
        more = len(found) > limit
        return DeliveryPage([delivery_view(row) for row in found[:limit]], _cursor(found[limit - 1]) if more else None)

    async def test(self, caller: "Identity", webhook_id: str) -> Queued:
        webhook = await self._enabled(caller, webhook_id)
        at = self.clock()
        occurrence = Occurrence(f"test/{new_id()}", TEST, webhook.owner, at, {"webhook_id": webhook_id})
        row = row_of(webhook, occurrence, at)
        await self.deliveries.add([row])
        await self.lanes.hurry([webhook_id], at)
        return Queued(delivery_id=row["_id"], webhook_id=webhook_id, type=TEST)

    async def redeliver(self, caller: "Identity", webhook_id: str, delivery_id: str) -> Queued:
        """With the same `webhook-id`, whatever became of it before."""
        await self._enabled(caller, webhook_id)
        row = await self.deliveries.find(webhook_id, delivery_id)
        if row is None:
            raise not_found("delivery")
        at = self.clock()
        await self.deliveries.again(webhook_id, [delivery_id], at)
        await self.lanes.hurry([webhook_id], at)
        return Queued(delivery_id=delivery_id, webhook_id=webhook_id, type=row["type"])

    async def replay(self, caller: "Identity", webhook_id: str, asked: ReplayRequest) -> Replaying:
        """Begins; a worker does it, some at a time. One at a time for each webhook."""
        since, until = _time(asked.since, "/since"), _time(asked.until, "/until")
        if since >= until:
            raise invalid("/until", "must be after since")
        wanted = None if asked.events is None else _checked(asked.events)
        await self._enabled(caller, webhook_id)
        fields = {"since": since, "until": until, "events": wanted}
        if not await self.replays.begin(webhook_id, self.clock(), fields):
            raise Problem(409, "replay_running", "A replay for this webhook is under way: wait until it is done.")
        return Replaying(webhook_id=webhook_id, since=rfc3339(since), until=rfc3339(until), events=wanted)

    async def run_replay(self, claimed: Document) -> None:
        """Safe to run twice: what was done before is due once more at most."""
        after, webhook_id = None, claimed["_id"]
        while found := await self.deliveries.between(webhook_id, claimed["since"], claimed["until"], after, SOME):
            wanted = [row["_id"] for row in found if claimed["events"] is None or row["type"] in claimed["events"]]
            at = self.clock()
            await self.deliveries.again(webhook_id, wanted, at)
            await self.lanes.hurry([webhook_id], at)
            after = (found[-1]["at"], found[-1]["_id"])

    async def _enabled(self, caller: "Identity", webhook_id: str) -> Webhook:
        webhook = (await self.webhooks.kept(caller, webhook_id)).webhook
        if not webhook.enabled:
            raise Problem(409, "webhook_disabled", "This webhook is disabled: enable it first.")
        return webhook


def _time(said: str, pointer: str) -> datetime:
    try:
        if not RFC3339.fullmatch(said):
            raise ValueError
        return datetime.fromisoformat(said.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(pointer, "must be a time as RFC 3339 has it, with its zone") from error


def _checked(events: list[str]) -> list[str]:
    if not events:
        raise invalid("/events", "must name at least one event")
    for index, name in enumerate(events):
        if name not in (*EVERY, TEST):
            raise invalid(f"/events/{index}", f"must be one of {', '.join((*EVERY, TEST))}")
    return list(kinds(events))


def _cursor(row: Document) -> str:
    return f"{round(row['at'].timestamp() * 1000)}.{row['_id']}"


def _place(cursor: str) -> tuple[datetime, str]:
    milliseconds, _, delivery = cursor.partition(".")
    if not milliseconds.isdecimal() or len(milliseconds) > 14 or not delivery:
        raise invalid("/query/cursor", "must be a next_cursor as it was given")
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds)), delivery
