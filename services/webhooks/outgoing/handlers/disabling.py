"""Giving an endpoint up: its webhook is disabled, nothing waits for it any more, and operators are told."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import Counter

from libs.common.clock import rfc3339
from services.webhooks.outgoing.domain.occurrences import Occurrence
from services.webhooks.outgoing.domain.webhooks import DISABLED, Reason, Webhook
from services.webhooks.outgoing.handlers.intake import Ledger

if TYPE_CHECKING:
    from services.webhooks.outgoing.store.registry import EtcdWebhooks

GIVEN_UP = Counter("parley_webhook_disabled", "Webhooks that were disabled, by why.", ["reason"])

A_MOMENT = timedelta(milliseconds=1)  # by which each change is later than the one before

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Disabling:
    registry: "EtcdWebhooks"
    ledger: Ledger
    clock: Callable[[], datetime]

    async def disable(self, webhook: Webhook, reason: Reason, failing_since: datetime) -> None:
        """Operators' rows come first: after a crash in between they are found, not doubled. Raises `Unavailable`.

        Whoever has changed the webhook since it was called decides: then nothing happens.
        """
        at = self.clock()
        kept = await self.registry.find(webhook.owner, webhook.webhook_id)
        if kept is None or kept.webhook != webhook:
            return
        await self.ledger.take([_told(webhook, reason, failing_since, at)])
        changed = msgspec.structs.replace(
            webhook,
            enabled=False,
            disabled_for=reason,
            disabled_at=at,
            updated_at=max(at, webhook.updated_at + A_MOMENT),
        )
        if await self.registry.replace(kept, changed):
            self.ledger.directory.learn(changed)
            GIVEN_UP.labels(reason).inc()
            log.warning("%s of %s is disabled: %s", webhook.webhook_id, webhook.owner, reason)
            await self.ledger.deliveries.skip(webhook.webhook_id)


def _told(webhook: Webhook, reason: Reason, failing_since: datetime, at: datetime) -> Occurrence:
    data = {
        "webhook_id": webhook.webhook_id,
        "owner": webhook.owner,
        "url": webhook.url,
        "reason": reason,
        "failing_since": rfc3339(failing_since),
    }
    return Occurrence(f"{webhook.webhook_id}/disabled/{rfc3339(failing_since)}", DISABLED, webhook.owner, at, data)
