"""What the calls about webhooks answer, as values; unknown fields of newer servers are passed over."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class Disabled(Struct, frozen=True):
    """Why nothing is sent: `gone` (the endpoint answered 410), `failing` (for days), or `owner`."""

    reason: str
    at: datetime


class Hook(Struct, frozen=True, kw_only=True):
    """A webhook; `secret` is there right after it was made or rotated, and never again."""

    webhook_id: str
    url: str
    events: tuple[str, ...]
    scope: str = "own"
    description: str | None = None
    enabled: bool = True
    disabled: Disabled | None = None
    failing_since: datetime | None = None
    created_at: datetime
    secret: str | None = None
    old_secret_until: datetime | None = None


class HookPage(Struct, frozen=True):
    """In the order in which they were made; `next_cursor` is None on the last page."""

    items: tuple[Hook, ...]
    next_cursor: str | None = None


class Fault(Struct, frozen=True):
    """Why an attempt failed: `code` for programs, `detail` for people."""

    code: str
    detail: str


class Attempt(Struct, frozen=True, kw_only=True):
    """One call; `status_code` None: no answer. `response` is the first KiB of it."""

    at: datetime
    status_code: int | None = None
    latency_ms: float
    error: Fault | None = None
    response: str | None = None


class Sent(Struct, frozen=True, kw_only=True):
    """An event for a webhook: `status` is pending, delivered, failed or skipped."""

    delivery_id: str
    webhook_id: str
    type: str
    status: str
    timestamp: datetime
    data: dict[str, Any]
    attempt_count: int
    status_code: int | None = None
    latency_ms: float | None = None
    error: Fault | None = None
    next_attempt_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()


class SentPage(Struct, frozen=True):
    """Newest first; `next_cursor` is None on the last page."""

    items: tuple[Sent, ...]
    next_cursor: str | None = None


class Queued(Struct, frozen=True):
    """It is sent in a moment: the log tells what comes of it."""

    delivery_id: str
    webhook_id: str
    type: str


class Replaying(Struct, frozen=True):
    """It has begun."""

    webhook_id: str
    since: datetime
    until: datetime
    events: tuple[str, ...] | None = None
