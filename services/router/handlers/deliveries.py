"""What happens to external deliveries: opened one document each, told to the sender and as facts; apart from batches.

A stored message that needs some says so (`opening`) until all of them stand and are told. So whatever dies in between,
somebody finds it; and neither a message to many addresses nor an etcd that is away keeps internal messages waiting.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, NoReturn

import msgspec
from prometheus_client import Counter

from connectors.capabilities import CHANNELS, INTERNAL
from libs.common import frames
from libs.common.clock import now, rfc3339
from libs.common.deliveries import External, delivery_id, is_external, read_deliveries, status_of
from libs.common.errors import Retry
from libs.common.events import DeliveryError, DeliveryStatus, MessageStatus, StatusEvent
from libs.common.feed import Entry, FeedWriter, pack
from libs.common.kafka import Outgoing, Producer
from libs.common.mongo import Document
from libs.common.receipts import read_marks
from libs.common.telemetry import continue_trace
from services.router.handlers.facts import outgoing
from services.router.routing import Addresses, Target, choose_targets, first_failure, first_status, resolve_channels

if TYPE_CHECKING:
    from services.router.store import Store

AT_ONCE = 10  # messages; each may have a thousand deliveries
MAX_DUE = 10_000  # messages; those beyond are found by the sweep
FACTS = 1_000  # of one publishing: well below its deadline
SWEEP_S = 2.0
LEFT_AFTER = timedelta(seconds=5)  # by then whoever stored a message has opened it, or is dead or far behind
PATIENCE_S = 0.5

OPENED = Counter(
    "parley_deliveries_opened", "External deliveries, by what became of them at once.", ["channel", "status"]
)

log = logging.getLogger(__name__)


class Deliveries:
    """Safe to run twice, here and elsewhere: what stands stays, and is told again under the same id.

    `addresses` gives None while it is not known who can be reached.
    """

    def __init__(
        self,
        store: "Store",
        addresses: Callable[[], Addresses | None],
        feed: FeedWriter,
        producer: Producer,
        configured: Collection[str] = (),
    ) -> None:
        self._store = store
        self._addresses = addresses
        self._feed = feed
        self._producer = producer
        self._configured = configured
        self._due: deque[str] = deque()
        self._wake = asyncio.Event()

    def route(self, asked: Sequence[str], recipients: Sequence[str]) -> Document:
        """What a message's document says of its channels; without `targets` while nobody knows who can be reached."""
        if not is_external(asked):
            return {"channels": asked}
        addresses = self._addresses()
        if addresses is None:
            return {"channels": resolve_channels(asked, ()), "asked": asked, "opening": True}
        targets = choose_targets(recipients, asked, addresses)
        return {"channels": resolve_channels(asked, targets), "targets": list(map(_target, targets)), "opening": True}

    def open_soon(self, message_ids: Iterable[str]) -> None:
        self._due.extend(islice(message_ids, MAX_DUE - len(self._due)))
        if self._due:
            self._wake.set()

    async def run(self) -> NoReturn:
        while True:
            self._wake.clear()
            try:
                await self._open_due()
                await self.sweep()
            except Retry as reason:
                log.warning("deliveries wait: %s", reason)
                await asyncio.sleep(PATIENCE_S)
                continue
            await self._idle()

    async def _open_due(self) -> None:
        while self._due:
            ids = list(islice(self._due, AT_ONCE))
            await self._open_apart(ids)
            for _ in ids:
                self._due.popleft()

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_S):
                await self._wake.wait()
        except TimeoutError:
            return

    async def sweep(self, left_after: timedelta = LEFT_AFTER) -> None:
        """Opens what was left over: whoever stored it died, or did not know who can be reached."""
        only_resolved = self._addresses() is None
        left = await self._store.left_opening(now() - left_after, AT_ONCE, only_resolved=only_resolved)
        if left:
            await self._open_apart(left)

    async def _open_apart(self, message_ids: Sequence[str]) -> None:
        """What fails is tried alone, and then left to the next sweep, so that it keeps no other waiting."""
        try:
            await self.open(message_ids)
        except Retry:
            raise
        except Exception:
            log.exception("the deliveries of %s cannot be opened", ", ".join(message_ids))
            if len(message_ids) > 1:
                for message_id in message_ids:
                    await self._open_apart([message_id])

    async def open(self, message_ids: Sequence[str]) -> None:
        """Returns when the deliveries of these messages stand and are told; what cannot be resolved yet is left."""
        messages = await self._resolved(message_ids)
        if not messages:
            return
        await self._store.insert_deliveries(self._first_documents(messages))
        ids = [m["_id"] for m in messages]
        standing = await read_deliveries(self._store.database, ids)
        statuses = await self._statuses(messages, standing)
        told = [d for d in standing if d["status"] != "QUEUED"]
        await self._feed.append([_entry(d, statuses[d["message_id"]]) for d in told])
        for start in range(0, len(told), FACTS):
            await self._producer.publish_all([_fact(d) for d in told[start : start + FACTS]])
        await self._store.opened(ids)

    async def _resolved(self, message_ids: Sequence[str]) -> list[Document]:
        """Those of them that still need opening, with targets: the first router that resolves a message decides."""
        messages = await self._store.opening(message_ids)
        unresolved = [m for m in messages if "targets" not in m]
        if unresolved and self._addresses() is not None:
            for m in unresolved:
                await self._store.resolve(m["_id"], self.route(m["asked"], m["to"]))
            messages = await self._store.opening(message_ids)
        return [m for m in messages if "targets" in m]

    def _first_documents(self, messages: Iterable[Document]) -> list[Document]:
        at = now()
        documents = []
        for message in messages:
            for target in message["targets"]:
                failure = first_failure(Target(**target), self._configured)
                documents.append(_document(message, Target(**target), failure, at))
                OPENED.labels(target["channel"], first_status(failure)).inc()
        return documents

    async def _statuses(self, messages: Sequence[Document], standing: Iterable[Document]) -> dict[str, MessageStatus]:
        members = {(m["conversation_id"], name) for m in messages if INTERNAL in m["channels"] for name in m["to"]}
        marks = await read_marks(self._store.database, members) if members else {}
        external = _by_recipient(standing)
        return {m["_id"]: status_of(m, marks, external) for m in messages}


def _target(target: Target) -> Document:
    return {"recipient": target.recipient, "channel": target.channel, "address": target.address}


def _document(message: Document, target: Target, failure: DeliveryError | None, at: datetime) -> Document:
    status = first_status(failure)
    return {
        "_id": delivery_id(message["_id"], target.recipient, target.channel),
        "message_id": message["_id"],
        "conversation_id": message["conversation_id"],
        "sequence_number": message["sequence_number"],
        "from": message["from"],
        **_target(target),
        "status": status,
        "status_ceiling": CHANNELS[target.channel].status_ceiling,
        "attempts": 0,
        "error": msgspec.to_builtins(failure),
        "updated_at": at,
        "history": [{"status": status, "at": at}],
    }


def _by_recipient(deliveries: Iterable[Document]) -> External:
    found: dict[str, dict[str, list[DeliveryStatus]]] = {}
    for d in deliveries:
        found.setdefault(d["message_id"], {}).setdefault(d["recipient"], []).append(d["status"])
    return found


def _entry(delivery: Document, message_status: MessageStatus) -> Entry:
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
    return Entry(delivery["from"], pack("status", frames.encode(body), conversation_id, number))


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
