"""Telling: what is due at an endpoint is sent from the log, a few at a time, and what came of each is kept."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import msgspec
from prometheus_client import Counter, Gauge, Histogram

from libs.common.clock import rfc3339
from libs.common.mongo import Document
from services.webhooks.outgoing.domain.retrying import (
    Again,
    Answer,
    Delivered,
    GiveUp,
    NoAnswer,
    after_attempt,
    is_failing_for_good,
)
from services.webhooks.outgoing.domain.signing import headers
from services.webhooks.outgoing.domain.webhooks import RECEIVED, Webhook, valid_secrets
from services.webhooks.outgoing.handlers.places import Places

if TYPE_CHECKING:
    from services.webhooks.outgoing.handlers.disabling import Disabling
    from services.webhooks.outgoing.store.deliveries import Deliveries, Endpoints
    from services.webhooks.outgoing.store.registry import Directory, EtcdWebhooks
    from services.webhooks.outgoing.store.sealing import Seal

AT_ONCE = 5
"""Calls of one endpoint at the same time; one that fails gets one."""
SOME = 20
"""Rows that are read together."""

ATTEMPTS = Counter("parley_webhook_attempts", "Attempts by what came of them.", ["outcome"])
RETRIES = Counter("parley_webhook_retries", "Attempts that were not the first ones.")
SECONDS = Histogram(
    "parley_webhook_attempt_seconds", "From calling an endpoint to its answer.", ["outcome"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)  # fmt: skip
LATENCY = Histogram(
    "parley_webhook_latency_seconds", "From an event to its arrival, where the first attempt succeeded.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
)  # fmt: skip
BACKLOG = Gauge("parley_webhook_backlog", "Events that wait to be sent, up to 10,000; once in 15 s.")

log = logging.getLogger(__name__)


class Post(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer | NoAnswer: ...


@dataclass(frozen=True)
class Policy:
    """`schedule_s` between attempts; who fails for `patience` is disabled."""

    schedule_s: Sequence[float]
    patience: timedelta


@dataclass
class Turn:
    """What is known of an endpoint while its events are sent."""

    webhook: Webhook
    secrets: Sequence[str]
    is_failing: bool
    paused_until: datetime | None = None
    is_over: bool = False
    later: list[datetime] = field(default_factory=list)
    """When what has failed is tried again."""
    left: int = 0
    """What was due and has not been sent."""

    @property
    def goes_on(self) -> bool:
        return not self.is_over and self.paused_until is None


@dataclass(frozen=True)
class Sending:
    """Safe to run twice: an event is sent again with the same id."""

    directory: "Directory"
    registry: "EtcdWebhooks"
    deliveries: "Deliveries"
    endpoints: "Endpoints"
    seal: "Seal"
    caller: Post
    disabling: "Disabling"
    policy: Policy
    clock: Callable[[], datetime]
    places: Places = field(default_factory=Places)

    async def serve(self, lane: Document) -> datetime | None:
        """All that is due at one endpoint. When to go on, None where nothing waits. Raises `Unavailable`."""
        webhook_id = lane["_id"]
        while True:
            health = await self.endpoints.find(webhook_id)
            paused_until: datetime | None = health.get("paused_until")
            if paused_until is not None and paused_until > self.clock():
                return paused_until
            is_failing = "failing_since" in health
            limit = 1 if is_failing else SOME
            rows = await self.deliveries.pending(webhook_id, limit)
            due = [row for row in rows if row["due_at"] <= self.clock()]
            if not due:
                return rows[0]["due_at"] if rows else None
            webhook = await self._webhook(due[0])
            if webhook is None or not webhook.enabled:
                await self.deliveries.skip(webhook_id)
                return None
            turn = Turn(webhook, self._secrets(webhook), is_failing, left=len(due))
            await self._send_some(turn, due)
            if not turn.left and not turn.is_over and len(rows) < limit:  # what has come since has hurried the lane
                return min([*turn.later, *(row["due_at"] for row in rows[len(due) :])], default=None)

    async def _webhook(self, row: Document) -> Webhook | None:
        """One that this process has not heard of yet is asked for."""
        known = self.directory.find(row["webhook_id"])
        if known is not None:
            return known
        kept = await self.registry.find(row["owner"], row["webhook_id"])
        return kept.webhook if kept else None

    def _secrets(self, webhook: Webhook) -> list[str]:
        return [self.seal.open(s.sealed, webhook.webhook_id) for s in valid_secrets(webhook, self.clock())]

    async def _send_some(self, turn: Turn, due: Sequence[Document]) -> None:
        """In order as far as several at a time are; when one fails, what has not begun waits."""
        messages = await self._messages(due)
        waiting = deque(due)

        async def send() -> None:
            while waiting and turn.goes_on:
                await self._send(turn, waiting.popleft(), messages)
                if turn.is_failing:
                    return

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(len(due), 1 if turn.is_failing else AT_ONCE)):
                    tasks.create_task(send())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _messages(self, due: Sequence[Document]) -> dict[str, Document]:
        """What is told of a received message is what it says now: of what was taken back the content is gone."""
        wanted = [row["data"]["message_id"] for row in due if row["type"] == RECEIVED]
        return await self.deliveries.messages(wanted) if wanted else {}

    async def _send(self, turn: Turn, row: Document, messages: Mapping[str, Document]) -> None:
        body = body_of(row, messages)
        webhook_id = turn.webhook.webhook_id
        async with self.places.of(webhook_id, is_failing=turn.is_failing):
            at, began = self.clock(), time.monotonic()
            signed = headers(turn.secrets, row["_id"], int(at.timestamp()), body)
            outcome = await self.caller.post(turn.webhook.url, {**signed, "content-type": "application/json"}, body)
            took_s = time.monotonic() - began
        self.places.note(webhook_id, took_s)
        await self._conclude(turn, row, attempt_of(at, took_s, outcome), outcome)
        turn.left -= 1

    async def _conclude(self, turn: Turn, row: Document, attempt: Document, outcome: Answer | NoAnswer) -> None:
        following = after_attempt(row["tries"] + 1, outcome, self.policy.schedule_s, random.random())
        at = self.clock()
        match following:
            case Delivered():
                if turn.is_failing:  # first: who dies in between sends it again, and leaves nobody failing who is well
                    await self.endpoints.is_well(turn.webhook.webhook_id)
                await self.deliveries.record(row, attempt, "delivered", None)
            case Again(after_s, holds_all):
                due_at = at + timedelta(seconds=after_s)
                await self.deliveries.record(row, attempt, "pending", due_at)
                turn.later.append(due_at)
                turn.paused_until = due_at if holds_all else None
            case GiveUp():
                await self.deliveries.record(row, attempt, "failed", None)
        if not isinstance(following, Delivered):
            await self._failed(turn, at, is_gone=following == GiveUp(is_gone=True))
        note(turn.webhook, row, attempt, following)

    async def _failed(self, turn: Turn, at: datetime, *, is_gone: bool) -> None:
        turn.is_failing = True
        since = await self.endpoints.failed(turn.webhook.webhook_id, at, turn.paused_until)
        if is_gone or is_failing_for_good(since, at, self.policy.patience):
            turn.is_over = True
            await self.disabling.disable(turn.webhook, "gone" if is_gone else "failing", since)

    async def count_backlog(self, every_s: float = 15.0) -> None:
        """For ever."""
        while True:
            try:
                BACKLOG.set(await self.deliveries.backlog())
            except Exception as error:
                log.warning("the backlog is not counted: %s", error)
            await asyncio.sleep(every_s)


def body_of(row: Document, messages: Mapping[str, Document]) -> bytes:
    """What is signed and sent, the same in every attempt but for what a message says by then."""
    data = dict(row["data"])
    message = messages.get(data["message_id"]) if row["type"] == RECEIVED else None
    if message is not None:
        data |= {name: message.get(name) for name in ("to", "channels", "payload", "reply_to")}
        data["created_at"] = rfc3339(message["created_at"])
    return msgspec.json.encode({"type": row["type"], "timestamp": rfc3339(row["at"]), "data": data})


def attempt_of(at: datetime, took_s: float, outcome: Answer | NoAnswer) -> Document:
    """As the log keeps it."""
    kept: Document = {"at": at, "latency_ms": round(took_s * 1000, 1)}
    match outcome:
        case Answer(status, body):
            is_success = 200 <= status < 300
            error = None if is_success else {"code": f"http_{status}", "detail": f"It answered {status}."}
            return {**kept, "status_code": status, "error": error, "response": body.decode("utf-8", "replace")}
        case NoAnswer(code, detail):
            return {**kept, "status_code": None, "error": {"code": code, "detail": detail}, "response": None}


def note(webhook: Webhook, row: Document, attempt: Document, following: Delivered | Again | GiveUp) -> None:
    """One wide line for each attempt."""
    outcome = {Delivered: "delivered", Again: "retried", GiveUp: "failed"}[type(following)]
    ATTEMPTS.labels(outcome).inc()
    SECONDS.labels(outcome).observe(attempt["latency_ms"] / 1000)
    if row["attempt_count"]:
        RETRIES.inc()
    elif outcome == "delivered":
        LATENCY.observe(max(0.0, (attempt["at"] - row["at"]).total_seconds() + attempt["latency_ms"] / 1000))
    log.info(
        "webhook",
        extra={
            "webhook_id": webhook.webhook_id,
            "delivery_id": row["_id"],
            "event": row["type"],
            "attempt": row["attempt_count"] + 1,
            "outcome": outcome,
            "status_code": attempt["status_code"],
            "code": attempt["error"]["code"] if attempt["error"] else None,
            "waits_s": round(following.after_s) if isinstance(following, Again) else None,
            "took_ms": attempt["latency_ms"],
        },
    )
