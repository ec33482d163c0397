"""How an attempt at a delivery begins: marked for all to see, or not at all, where it is not to be sent any more."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from libs.common.bus import Record
from libs.common.clock import now
from libs.common.events import DeliveryError, DeliveryRequest
from libs.common.mongo import Document
from libs.common.route import NOT_NEEDED
from libs.common.routing import NOBODY_YET, Address, Contact, refusal_of
from services.router.handlers.ending import Ending
from services.router.handlers.following import is_superseded
from services.router.handlers.lines import Line
from services.router.handlers.sending import in_flight_s
from services.router.retrying import EXPIRED, LIVES, GiveUp, Wait, is_expired, is_too_doubtful

if TYPE_CHECKING:
    from services.router.contacts import Contacts
    from services.router.outbox import Outbox

TOO_LATE = DeliveryError("too_late", "It could not be sent while it was of use.")
IN_DOUBT = DeliveryError("in_doubt", "Of two attempts nobody knows the end: it may have arrived.")


@dataclass(frozen=True)
class Beginning:
    outbox: "Outbox"
    contacts: "Contacts"
    ending: Ending
    lives: timedelta = LIVES

    async def begin(self, line: Line, request: DeliveryRequest, record: Record) -> Document | Wait | None:
        """Marks the attempt; whoever else is at it is waited for, for as long as a call may take."""
        delivery = await self.outbox.find(request.delivery_id)
        if delivery is None or delivery["status"] != "QUEUED":
            return None
        under_way = delivery.get("in_flight_until")
        if under_way is not None and under_way > now():
            return Wait(min(1.0, (under_way - now()).total_seconds()))
        contact = await self._known(line, delivery)
        if end := await self._end_of(line, delivery, contact):
            await self.ending.fail(delivery["_id"], end, record, **({"uncertain": True} if under_way else {}))
            return None
        until = now() + timedelta(seconds=in_flight_s(line, request.payload))
        opened = {"window_opened_at": contact.wrote_at} if contact else {}
        begun = await self.outbox.begin(delivery, until, **opened)
        if begun and is_too_doubtful(begun.get("unknown", 0)):
            await self.ending.fail(begun["_id"], GiveUp(IN_DOUBT, is_dead=True), record)
            return None
        return begun or Wait(1.0)

    async def _known(self, line: Line, delivery: Document) -> Contact | None:
        """Where it matters whether they have written lately."""
        if line.capabilities.window is None:
            return None
        address = address_of(delivery)
        return (await self.contacts.of([address])).get(address, NOBODY_YET)

    async def _end_of(self, line: Line, delivery: Document, contact: Contact | None) -> GiveUp | None:
        """Why no attempt is made at it any more."""
        if error := await self._unwanted(delivery) or (contact and refusal_of(line.capabilities, contact, now())):
            return GiveUp(error, is_dead=False)
        return GiveUp(EXPIRED, is_dead=True) if is_expired(delivery["history"], now(), self.lives) else None

    async def _unwanted(self, delivery: Document) -> DeliveryError | None:
        """Why it is not to be sent any more, where nothing of it is."""
        if delivery.get("pieces"):
            return None
        if "notice_until" in delivery:
            return TOO_LATE if delivery["notice_until"] < now() else None
        if delivery.get("not_needed") or await is_superseded(self.outbox.database, delivery):
            return NOT_NEEDED
        return None


def address_of(delivery: Document) -> Address:
    return delivery["channel"], delivery["account"], delivery["address"]
