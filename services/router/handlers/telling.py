"""How a delivery that changed is told: to its sender's devices and as a fact, as often as it takes."""

from collections.abc import Iterable, Sequence

import msgspec

from connectors.capabilities import INTERNAL
from libs.common import frames
from libs.common.clock import rfc3339
from libs.common.deliveries import External, status_of
from libs.common.events import DeliveryError, DeliveryStatus, MessageStatus, StatusEvent
from libs.common.feed import FeedWriter, Standing, pack
from libs.common.kafka import Outgoing, Producer
from libs.common.mongo import Database, Document
from libs.common.receipts import read_marks
from libs.common.route import NOT_NEEDED
from libs.common.scheduler import Scheduler
from libs.common.telemetry import continue_trace
from services.router.handlers.facts import outgoing

FACTS = 1_000  # of one publishing: well below its deadline


class Teller:
    """Safe to repeat: a fact has the same id each time, and no frame is older than one before it.

    Of a message with a route, whose step has failed, the next one is due: `routes` hears of it.
    """

    def __init__(self, database: Database, feed: FeedWriter, producer: Producer, routes: Scheduler) -> None:
        self._database = database
        self._routes = routes
        self._feed = feed
        self._producer = producer

    async def tell(
        self, messages: Sequence[Document], standing: Sequence[Document], changed: Sequence[Document]
    ) -> None:
        """`standing` are all deliveries of these messages, `changed` those to be told."""
        statuses = await self._statuses(messages, standing)
        await self._feed.append_newest([_entry(d, statuses[d["message_id"]]) for d in changed])
        for start in range(0, len(changed), FACTS):
            await self._producer.publish_all([_fact(d) for d in changed[start : start + FACTS]])
        for message_id in {d["message_id"] for d in changed if _ends_a_step(d)}:
            await self._routes.hasten(message_id)

    async def _statuses(self, messages: Sequence[Document], standing: Iterable[Document]) -> dict[str, MessageStatus]:
        members = {(m["conversation_id"], name) for m in messages if INTERNAL in m["channels"] for name in m["to"]}
        marks = await read_marks(self._database, members) if members else {}
        external = _by_recipient(standing)
        return {m["_id"]: status_of(m, marks, external) for m in messages}


def _ends_a_step(delivery: Document) -> bool:
    if "route_step" not in delivery or delivery["status"] != "FAILED":
        return False
    return (delivery["error"] or {}).get("code") != NOT_NEEDED.code


def _by_recipient(deliveries: Iterable[Document]) -> External:
    found: dict[str, dict[str, list[DeliveryStatus]]] = {}
    for d in deliveries:
        found.setdefault(d["message_id"], {}).setdefault(d["recipient"], []).append(d["status"])
    return found


def _entry(delivery: Document, message_status: MessageStatus) -> Standing:
    conversation_id, number = delivery["conversation_id"], delivery["sequence_number"]
    body = frames.Status(
        message_id=delivery["message_id"],
        conversation_id=conversation_id,
        sequence_number=number,
        recipient=delivery["recipient"],
        channel=delivery["channel"],
        status=delivery["status"],
        message_status=message_status,
        at=rfc3339(delivery["updated_at"]),
        error=_error(delivery),
    )
    frame = pack("status", frames.encode(body), conversation_id, number)
    return Standing(delivery["from"], frame, delivery["_id"], len(delivery["history"]))


def _error(delivery: Document) -> DeliveryError | None:
    return msgspec.convert(delivery["error"], DeliveryError | None)


def _fact(delivery: Document) -> Outgoing:
    fact = StatusEvent(
        conversation_id=delivery["conversation_id"],
        status=delivery["status"],
        from_number=delivery["sequence_number"],
        to_number=delivery["sequence_number"],
        at=rfc3339(delivery["updated_at"]),
        message_id=delivery["message_id"],
        sender=delivery["from"],
        recipient=delivery["recipient"],
        channel=delivery["channel"],
        error=_error(delivery),
    )
    return outgoing(fact, f"{delivery['_id']}/{fact.status}", continue_trace(None))
