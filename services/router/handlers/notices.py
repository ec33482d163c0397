"""What happens to a notice: it becomes a delivery of no conversation, and goes the way of all deliveries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from connectors.capabilities import CHANNELS
from libs.common.bus import Record, Rejected
from libs.common.clock import now
from libs.common.events import DeliveryRequest, NoticeEvent, Text
from libs.common.incoming import read
from libs.common.kafka import Outgoing, Producer
from libs.common.mongo import Document
from libs.common.routing import (
    NOBODY_YET,
    Address,
    Contact,
    Target,
    choose_account,
    first_failure,
    first_status,
)
from services.router.handlers.facts import requesting

if TYPE_CHECKING:
    from services.router.contacts import Contacts
    from services.router.store import Store

NOWHERE = ""
"""The conversation of what belongs to none."""


class Notices:
    """`notice.events` → a delivery each, and its request. Safe to run twice: what stands stays, and is sent once."""

    def __init__(
        self, store: "Store", contacts: "Contacts", producer: Producer, accounts: Mapping[str, Sequence[str]]
    ) -> None:
        self._store = store
        self._contacts = contacts
        self._producer = producer
        self._accounts = accounts

    async def handle(self, batch: Sequence[Record]) -> list[Rejected]:
        incoming, rejected = read(NoticeEvent, batch)
        notices = {one.event.notice_id: one.event for one in incoming if one.event.channel in CHANNELS}
        known = await self._contacts.of([address for n in notices.values() for address in self._addresses_of(n)])
        documents = [self._document(notice, known) for notice in notices.values()]
        await self._store.insert_deliveries(documents)
        await self._producer.publish_all([_request(notices[d["_id"]], d) for d in documents if d["status"] == "QUEUED"])
        unknown = [Rejected(one.record, "unknown_channel") for one in incoming if one.event.channel not in CHANNELS]
        return rejected + unknown

    async def checkpoint(self) -> None:
        pass

    def forget(self) -> None:
        pass

    def _addresses_of(self, notice: NoticeEvent) -> list[Address]:
        return [(notice.channel, account, notice.address) for account in self._accounts.get(notice.channel, ())]

    def _document(self, notice: NoticeEvent, known: Mapping[Address, Contact]) -> Document:
        at = now()
        found = {each[1]: known.get(each, NOBODY_YET) for each in self._addresses_of(notice)}
        account = choose_account([*found], found) if found else None
        contact = found[account] if account else NOBODY_YET
        failure = first_failure(Target("", notice.channel, notice.address), self._accounts, at, contact)
        status = first_status(failure)
        return {
            "_id": notice.notice_id,
            "message_id": notice.notice_id,
            "conversation_id": NOWHERE,
            "sequence_number": 0,
            "from": "",
            "recipient": "",
            "channel": notice.channel,
            "address": notice.address,
            **({"account": account} if account else {}),
            "status": status,
            "status_ceiling": CHANNELS[notice.channel].status_ceiling,
            "attempts": 0,
            "error": msgspec.to_builtins(failure),
            "updated_at": at,
            "history": [{"status": status, "at": at}],
            "notice_until": datetime.fromisoformat(notice.expires_at),
        }


def _request(notice: NoticeEvent, delivery: Document) -> Outgoing:
    request = DeliveryRequest(
        delivery_id=notice.notice_id,
        message_id=notice.notice_id,
        conversation_id=NOWHERE,
        sequence_number=0,
        sender="",
        recipient="",
        channel=notice.channel,
        account=delivery["account"],
        address=notice.address,
        payload=Text(notice.text),
    )
    return requesting(request)
