"""What happens to external deliveries: opened one document each, told to the sender and as facts; apart from batches.

A stored message that needs some says so (`opening`) until all of them stand and are told. So whatever dies in between,
somebody finds it; and neither a message to many addresses nor an etcd that is away keeps internal messages waiting.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

import msgspec
from prometheus_client import Counter

from connectors.capabilities import CHANNELS
from libs.common.clock import now
from libs.common.deliveries import delivery_id, is_external, read_deliveries
from libs.common.errors import Retry, Unavailable
from libs.common.events import DeliveryError, DeliveryRequest, Payload
from libs.common.kafka import Outgoing, Producer
from libs.common.mongo import Document
from libs.common.people import addresses_of
from libs.common.route import steps_of
from libs.common.routing import (
    NOBODY_YET,
    Address,
    Addresses,
    Contact,
    Target,
    choose_account,
    choose_targets,
    first_failure,
    first_status,
    resolve_channels,
)
from libs.common.scheduler import Scheduler
from services.router.handlers.facts import requesting
from services.router.handlers.telling import Teller

if TYPE_CHECKING:
    from services.router.contacts import Contacts
    from services.router.store import Store

AT_ONCE = 10  # messages; each may have a thousand deliveries
MAX_DUE = 10_000  # messages; those beyond are found by the sweep
REQUESTS = 1_000  # of one publishing: well below its deadline
SWEEP_S = 2.0
LEFT_AFTER = timedelta(seconds=5)  # by then whoever stored a message has opened it, or is dead or far behind
PATIENCE_S = 0.5
NOTHING_CONFIGURED: Mapping[str, Sequence[str]] = MappingProxyType({})

OPENED = Counter(
    "parley_deliveries_opened", "External deliveries, by what became of them at once.", ["channel", "status"]
)

log = logging.getLogger(__name__)
Find = Callable[[Sequence[str]], Awaitable[list[Document]]]
Opening = tuple[Document, Target]
"""A message, and whom it is to reach where."""


class Deliveries:
    """Safe to run twice, here and elsewhere: what stands stays, and is told again under the same id.

    `addresses` gives None while it is not known who can be reached; `accounts`: channel → those that may send.
    """

    def __init__(
        self,
        store: "Store",
        addresses: Callable[[], Addresses | None],
        teller: Teller,
        producer: Producer,
        routes: Scheduler,
        contacts: "Contacts",
        accounts: Mapping[str, Sequence[str]] = NOTHING_CONFIGURED,
    ) -> None:
        self._store = store
        self._contacts = contacts
        self._addresses = addresses
        self._teller = teller
        self._routes = routes
        self._producer = producer
        self._accounts = accounts
        self._due: deque[str] = deque()
        self._wake = asyncio.Event()

    async def addresses(self, recipients: Iterable[str]) -> Addresses | None:
        """Of users, and of the contacts among these. None while nobody knows who can be reached."""
        mapped = self._addresses()
        return None if mapped is None else await addresses_of(self._store.database, mapped, {*recipients})

    def route(
        self, asked: Sequence[str], recipients: Sequence[str], addresses: Addresses | None, first: str | None = None
    ) -> Document:
        """What a message's document says of its channels; without `targets` while nobody knows who can be reached.

        `first`: the only one of them that is opened now, where they are the steps of a route.
        """
        if not is_external(asked):
            return {"channels": asked}
        if addresses is None:
            return {"channels": resolve_channels(asked, ()), "asked": asked, "opening": True}
        targets = choose_targets(recipients, [first] if first else asked, addresses)
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

    async def _open_apart(self, message_ids: Sequence[str], *, alone: bool = False) -> None:
        """What fails is tried alone, and then left to the next sweep, so that it keeps no other waiting."""
        try:
            await self.open(message_ids, alone=alone)
        except Retry:
            raise
        except Exception:
            log.exception("the deliveries of %s cannot be opened", ", ".join(message_ids))
            if len(message_ids) > 1:
                for message_id in message_ids:
                    await self._open_apart([message_id], alone=True)

    async def open(self, message_ids: Sequence[str], *, alone: bool = False) -> None:
        """Returns when the deliveries of these messages stand and are told; what cannot be resolved yet is left.

        With them goes what somebody left over before them in their conversations, so that it is not overtaken; but for
        one that is tried `alone`.
        """
        messages = await self._resolved(message_ids, self._store.opening if alone else self._store.opening_until)
        if not messages:
            return
        await self._open([(m, Target(**target)) for m in messages for target in m["targets"]], messages, 0)
        for message in messages:
            if len(steps := steps_of(message)) > 1:
                patience = timedelta(seconds=steps[0].after_s or 0)
                await self._routes.schedule(message["_id"], message["stored_at"] + patience)
        await self._store.opened([m["_id"] for m in messages])

    async def open_step(self, message: Document, step: int, recipients: Sequence[str]) -> None:
        """The same for a later step of a message's route, with the addresses of now. Raises `Unavailable`."""
        addresses = await self.addresses(recipients)
        if addresses is None:
            raise Unavailable("etcd", "the addresses of users are not known yet")
        targets = choose_targets(recipients, [message["route"][step]["channel"]], addresses)
        await self._open([(message, target) for target in targets], [message], step)

    async def _open(self, opening: Sequence[Opening], messages: Sequence[Document], step: int) -> None:
        """`step` counts where the message has a route. What stands is requested and told again."""
        await self._store.insert_deliveries(await self._first_documents(opening, step))
        standing = await read_deliveries(self._store.database, [m["_id"] for m in messages])
        ours = [d for d in standing if d.get("route_step", step) == step]
        await self._teller.tell(messages, standing, [d for d in ours if d["status"] != "QUEUED"])
        await self._request(messages, ours)

    async def _request(self, messages: Sequence[Document], standing: Iterable[Document]) -> None:
        """In the order of the messages, and all of them again where the end of an earlier try is not known."""
        places = {m["_id"]: place for place, m in enumerate(messages)}
        queued = [d for d in standing if d["status"] == "QUEUED" and d.get("account")]
        queued.sort(key=lambda d: places[d["message_id"]])
        requests = [request_for(messages[places[d["message_id"]]], d) for d in queued]
        for start in range(0, len(requests), REQUESTS):
            await self._producer.publish_all(requests[start : start + REQUESTS])

    async def _resolved(self, message_ids: Sequence[str], opening: Find) -> list[Document]:
        """Those of them that still need opening, with targets: the first router that resolves a message decides."""
        messages = await opening(message_ids)
        unresolved = [m for m in messages if "targets" not in m]
        if unresolved and (addresses := await self.addresses(name for m in unresolved for name in m["to"])) is not None:
            for m in unresolved:
                first = m["route"][0]["channel"] if "route" in m else None
                await self._store.resolve(m["_id"], self.route(m["asked"], m["to"], addresses, first))
            messages = await opening(message_ids)
        return [m for m in messages if "targets" in m]

    async def _first_documents(self, opening: Sequence[Opening], step: int) -> list[Document]:
        """By which account each goes is decided here, and kept with it."""
        at = now()
        known = await self._contacts.of([address for _, target in opening for address in self._addresses_of(target)])
        documents = []
        for message, target in opening:
            account, contact = self._chosen(target, known)
            failure = first_failure(target, self._accounts, at, contact)
            more: Document = {"route_step": step} if "route" in message else {}
            if contact.moved_to:
                more["moved_to"] = contact.moved_to
            documents.append(_document(message, target, None if failure else account, failure, at) | more)
            OPENED.labels(target.channel, first_status(failure)).inc()
        return documents

    def _chosen(self, target: Target, known: Mapping[Address, Contact]) -> tuple[str | None, Contact]:
        """The account that sends, and what it knows of whom it sends to; None where there is none."""
        found = {at[1]: known.get(at, NOBODY_YET) for at in self._addresses_of(target)}
        account = choose_account([*found], found) if found else None
        return account, found[account] if account else NOBODY_YET

    def _addresses_of(self, target: Target) -> list[Address]:
        """At each account that may send."""
        accounts = self._accounts.get(target.channel, ()) if target.address else ()
        return [(target.channel, account, target.address or "") for account in accounts]


def _target(target: Target) -> Document:
    return {"recipient": target.recipient, "channel": target.channel, "address": target.address}


def _document(
    message: Document, target: Target, account: str | None, failure: DeliveryError | None, at: datetime
) -> Document:
    status = first_status(failure)
    return {
        "_id": delivery_id(message["_id"], target.recipient, target.channel),
        "message_id": message["_id"],
        "conversation_id": message["conversation_id"],
        "sequence_number": message["sequence_number"],
        "from": message["from"],
        **_target(target),
        **({"account": account} if account else {}),
        "status": status,
        "status_ceiling": CHANNELS[target.channel].status_ceiling,
        "attempts": 0,
        "error": msgspec.to_builtins(failure),
        "updated_at": at,
        "history": [{"status": status, "at": at}],
    }


def request_for(message: Document, delivery: Document) -> Outgoing:
    request = DeliveryRequest(
        delivery_id=delivery["_id"],
        message_id=message["_id"],
        conversation_id=message["conversation_id"],
        sequence_number=message["sequence_number"],
        sender=message["from"],
        recipient=delivery["recipient"],
        channel=delivery["channel"],
        account=delivery["account"],
        address=delivery["address"],
        payload=msgspec.convert(message["payload"], Payload),
        reply_to=message["reply_to"],
    )
    return requesting(request)
