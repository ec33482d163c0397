"""Reading updates: what their account's connector finds in them, and which nobody can read."""

import logging
from collections.abc import Mapping, Sequence

from connectors.sdk import Connector, Unreadable
from libs.common.bus import Record, Rejected
from libs.common.events import InboundEvent
from libs.common.incoming import read
from services.router.inbound import Told

log = logging.getLogger(__name__)

Connectors = Mapping[tuple[str, str], Connector]
"""(channel, account) → what reads its updates."""


def read_updates(connectors: Connectors, batch: Sequence[Record]) -> tuple[list[tuple[Record, Told]], list[Rejected]]:
    """What happened, each with the record that told it, in the order given; and what can never be read."""
    told: list[tuple[Record, Told]] = []
    incoming, broken = read(InboundEvent, batch)
    rejected = [theirs(r.record, r.reason) for r in broken]
    for one in incoming:
        event = one.event
        connector = connectors.get((event.channel, event.account))
        if connector is None:
            rejected.append(theirs(one.record, "account_not_configured"))
            continue
        try:
            told += [(one.record, Told(event, what)) for what in connector.handle_webhook(event.body)]
        except (Unreadable, RecursionError) as why:
            log.warning("an update of %s/%s is unreadable: %s", event.channel, event.account, why)
            rejected.append(theirs(one.record, "unreadable"))
        except Exception:
            log.exception("the connector of %s cannot read %s", event.channel, one.record.source)
            rejected.append(theirs(one.record, "reading_failed"))
    return told, rejected


def theirs(record: Record, reason: str) -> Rejected:
    """Whoever writes to an account can bring it about, as often as they like: it says nothing about us."""
    return Rejected(record, reason, is_clients_doing=True)
