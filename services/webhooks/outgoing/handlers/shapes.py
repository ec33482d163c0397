"""What goes in and out of the calls about webhooks, as the contract has it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from libs.common.clock import rfc3339
from libs.common.shapes import Time, Username, Uuid, shown
from services.webhooks.outgoing.domain.urls import MAX_URL
from services.webhooks.outgoing.domain.webhooks import EVERY, MAX_DESCRIPTION, SCOPES, TEST, Reason, Scope, Webhook

Url = Annotated[str, shown(format="uri", minLength=1, maxLength=MAX_URL, examples=["https://example.com/hooks"])]
Kind = Annotated[str, shown(enum=list(EVERY))]
Kinds = Annotated[list[Kind], shown("Without it: all of its scope.", minItems=1, examples=[["message.delivered"]])]
Description = Annotated[str, shown(minLength=1, maxLength=MAX_DESCRIPTION)]
Status = Literal["pending", "delivered", "failed", "skipped"]


class CreateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`scope` `all`: everybody's events, for operators."""

    url: Url
    events: Kinds | None = None
    description: Description | None = None
    scope: Annotated[str, shown(enum=[*SCOPES])] = "own"


class PatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is not named stays. Enabling forgets that the endpoint has failed."""

    url: Url | UnsetType = UNSET
    events: Kinds | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Events that happened from `since` to before `until`."""

    since: Time
    until: Time
    events: Annotated[list[Annotated[str, shown(enum=[*EVERY, TEST])]], shown(minItems=1)] | None = None


class Disabled(msgspec.Struct, frozen=True):
    """`gone`: the endpoint answered 410. `failing`: nothing arrived for days. `owner`: it was switched off."""

    reason: Reason
    at: Time


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """`failing_since`: the first of the attempts that have failed since the last one that did not."""

    webhook_id: Uuid
    owner: Username
    url: str
    events: list[str]
    scope: Scope
    description: str | None
    enabled: bool
    disabled: Disabled | None
    failing_since: Time | None
    created_at: Time
    updated_at: Time
    secret: Annotated[str, shown("Shown this once.", pattern="^whsec_")] | UnsetType = UNSET
    old_secret_until: Annotated[Time, shown("Until then the old secret signs, too.")] | UnsetType = UNSET


class WebhookPage(msgspec.Struct, frozen=True):
    items: list[WebhookView]
    next_cursor: str | None


class Fault(msgspec.Struct, frozen=True):
    """`code` is stable, `detail` is for people."""

    code: str
    detail: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """`status_code` is None where there was no answer; `response` is the first KiB of it."""

    at: Time
    status_code: int | None
    latency_ms: float
    error: Fault | None
    response: str | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """An event for this webhook. `delivery_id` is the `webhook-id` of every attempt; `attempts` are the newest 20, and
    `status_code`, `latency_ms` and `error` those of the last one."""

    delivery_id: Uuid
    webhook_id: Uuid
    type: str
    status: Status
    timestamp: Time
    data: dict[str, Any]
    attempt_count: int
    status_code: int | None
    latency_ms: float | None
    error: Fault | None
    next_attempt_at: Time | None
    attempts: list[Attempt]


class DeliveryPage(msgspec.Struct, frozen=True):
    items: list[DeliveryView]
    next_cursor: str | None


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """It is sent in a moment: the log tells what comes of it."""

    delivery_id: Uuid
    webhook_id: Uuid
    type: str
    status: Literal["pending"] = "pending"


class Replaying(msgspec.Struct, frozen=True, kw_only=True):
    """It has begun."""

    webhook_id: Uuid
    since: Time
    until: Time
    events: list[str] | None


def view(
    webhook: Webhook,
    failing_since: datetime | None,
    *,
    secret: str | UnsetType = UNSET,
    old_secret_until: datetime | None = None,
) -> WebhookView:
    return WebhookView(
        webhook_id=webhook.webhook_id,
        owner=webhook.owner,
        url=webhook.url,
        events=list(webhook.events),
        scope=webhook.scope,
        description=webhook.description,
        enabled=webhook.enabled,
        disabled=_disabled(webhook),
        failing_since=rfc3339(failing_since) if failing_since else None,
        created_at=rfc3339(webhook.created_at),
        updated_at=rfc3339(webhook.updated_at),
        secret=secret,
        old_secret_until=rfc3339(old_secret_until) if old_secret_until else UNSET,
    )


def _disabled(webhook: Webhook) -> Disabled | None:
    if webhook.enabled or webhook.disabled_for is None or webhook.disabled_at is None:
        return None
    return Disabled(webhook.disabled_for, rfc3339(webhook.disabled_at))


def delivery_view(row: Mapping[str, Any]) -> DeliveryView:
    attempts = [_attempt(one) for one in row["attempts"]]
    last = attempts[-1] if attempts else None
    return DeliveryView(
        delivery_id=row["_id"],
        webhook_id=row["webhook_id"],
        type=row["type"],
        status=row["status"],
        timestamp=rfc3339(row["at"]),
        data=row["data"],
        attempt_count=row["attempt_count"],
        status_code=last.status_code if last else None,
        latency_ms=last.latency_ms if last else None,
        error=last.error if last else None,
        next_attempt_at=rfc3339(row["due_at"]) if "due_at" in row else None,
        attempts=attempts,
    )


def _attempt(one: Mapping[str, Any]) -> Attempt:
    error = one["error"]
    return Attempt(
        at=rfc3339(one["at"]),
        status_code=one["status_code"],
        latency_ms=one["latency_ms"],
        error=Fault(error["code"], error["detail"]) if error else None,
        response=one["response"],
    )


def kinds(asked: Sequence[str]) -> tuple[str, ...]:
    """Each once, in the order given."""
    return tuple(dict.fromkeys(asked))
