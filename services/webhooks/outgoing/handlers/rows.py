"""A row of the log: one event for one webhook."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.webhooks.outgoing.domain.occurrences import Occurrence
from services.webhooks.outgoing.domain.signing import delivery_id
from services.webhooks.outgoing.domain.webhooks import Webhook

Row = dict[str, Any]


def row_of(webhook: Webhook, one: Occurrence, at: datetime) -> Row:
    """Due now; where the webhook is not enabled it waits for nothing, and may be replayed later."""
    waits = {"status": "pending", "due_at": at} if webhook.enabled else {"status": "skipped"}
    return {
        "_id": delivery_id(webhook.webhook_id, one.key),
        "webhook_id": webhook.webhook_id,
        "owner": webhook.owner,
        "type": one.kind,
        "at": one.at,
        "created_at": at,
        "data": dict(one.data),
        "tries": 0,
        "version": 0,
        "attempts": [],
        "attempt_count": 0,
        **waits,
    }


def waiting(rows: Iterable[Row]) -> set[str]:
    """The webhooks that have something to send."""
    return {row["webhook_id"] for row in rows if "due_at" in row}
