"""A registration, and whose events it is told."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

import msgspec

SENT = "message.sent"
RECEIVED = "message.received"
FILE_COMPLETED = "file.completed"
DISABLED = "webhook.disabled"
TEST = "webhook.test"
OF_STATUS = {
    "SENT": SENT,
    "DELIVERED": "message.delivered",
    "READ": "message.read",
    "FAILED": "message.failed",
}
OWN = (*OF_STATUS.values(), RECEIVED, FILE_COMPLETED)
EVERY = (*OWN, DISABLED)

MAX_DESCRIPTION = 256
MAX_SECRETS = 5  # that are valid at the same time
OLD_SECRET_LIVES = timedelta(hours=24)

Scope = Literal["own", "all"]
SCOPES: tuple[Scope, ...] = ("own", "all")
Reason = Literal["gone", "failing", "owner"]


class Secret(msgspec.Struct, frozen=True):
    """`sealed` for who may open it; `until` None for the one that is valid without end."""

    sealed: str
    until: datetime | None = None


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """`disabled_for` says why it is not enabled; the first secret is the newest."""

    webhook_id: str
    owner: str
    url: str
    events: tuple[str, ...]
    scope: Scope = "own"
    description: str | None = None
    enabled: bool = True
    disabled_for: Reason | None = None
    disabled_at: datetime | None = None
    secrets: tuple[Secret, ...]
    created_at: datetime
    updated_at: datetime


def events_of(scope: Scope) -> tuple[str, ...]:
    """What may be asked for."""
    return EVERY if scope == "all" else OWN


def hears(webhook: Webhook, kind: str, owner: str, operators: Collection[str]) -> bool:
    """Of an event of `owner`'s; who is no operator any more hears of nobody else's."""
    if kind not in webhook.events:
        return False
    if webhook.scope == "all":
        return webhook.owner in operators
    return webhook.owner == owner


def valid_secrets(webhook: Webhook, at: datetime) -> tuple[Secret, ...]:
    return tuple(s for s in webhook.secrets if s.until is None or s.until > at)


def rotated(webhook: Webhook, sealed: str, at: datetime) -> tuple[Secret, ...]:
    """With a new first one; the others are good for a day at most."""
    until = at + OLD_SECRET_LIVES
    old = (Secret(s.sealed, min(s.until or until, until)) for s in valid_secrets(webhook, at))
    return (Secret(sealed), *old)
