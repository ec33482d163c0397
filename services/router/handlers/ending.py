"""How a delivery ends: given up, laid to the dead letters, told to its sender and as a fact."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from libs.common.bus import Record, Rejected
from libs.common.clock import now, rfc3339
from libs.common.deliveries import read_deliveries
from libs.common.events import DeliveryRequest
from libs.common.kafka import Producer, letter_of
from services.router.handlers.reporting import Reporting
from services.router.handlers.telling import Teller
from services.router.retrying import GiveUp

if TYPE_CHECKING:
    from services.router.outbox import Outbox


@dataclass(frozen=True)
class Ending:
    outbox: "Outbox"
    teller: Teller
    producer: Producer
    reporting: Reporting

    async def fail(self, key: str, end: GiveUp, record: Record, **more: Any) -> None:
        """`more` is set beside it."""
        if end.is_dead:
            await self.bury(record, end.error.code)
        await self.outbox.end(key, "FAILED", end.error, **more)

    async def bury(self, record: Record, reason: str) -> None:
        await self.producer.publish_all([letter_of(Rejected(record, reason), rfc3339(now()).encode())])

    async def tell(self, request: DeliveryRequest) -> None:
        message = await self.outbox.message(request.message_id)
        if message is None:
            return
        standing = await read_deliveries(self.outbox.database, [request.message_id])
        changed = [d for d in standing if d["_id"] == request.delivery_id and d["status"] != "QUEUED"]
        await self.teller.tell([message], standing, changed)
        for delivery in changed:
            await self.reporting.meet(delivery)
