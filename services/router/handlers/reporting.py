"""What happens to a platform's report of a delivery: its status rises, and that is told; or the report waits for it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import Counter

from connectors.sdk import Reported
from libs.common.deliveries import read_deliveries
from libs.common.errors import Retry
from libs.common.mongo import Document
from services.router.handlers.telling import Teller
from services.router.inbound import External, Told
from services.router.rising import Report, error_of, raised, says_something

if TYPE_CHECKING:
    from services.router.contacts import Contacts
    from services.router.reports import Reports

RACES = 20  # each writer of a delivery makes progress; more than this is a fault

REPORTED = Counter("parley_reports", "Reports of platforms, by what became of them.", ["channel", "account", "end"])


class Reporting:
    """Safe to run twice: what is risen stays, and is told again."""

    def __init__(self, reports: "Reports", teller: Teller, contacts: "Contacts") -> None:
        self._reports = reports
        self._contacts = contacts
        self._teller = teller

    async def take(self, told: Iterable[Told]) -> None:
        """Returns when all is stored and told, or kept where a delivery is not known, or not sent, so far."""
        ours = [(t, t.what) for t in told if isinstance(t.what, Reported) and says_something(t.what.status)]
        by_id = [(external, report) for t, what in ours for external, report in _of(t, what)]
        reached = await self._take_by_id(by_id)
        for t, what in ours:
            if what.up_to is not None:
                reached += await self._take_until(t, what, t.until(what.up_to))
        await self._tell(reached)

    async def meet(self, delivery: Document) -> None:
        """A delivery that has just been recorded meets the reports that came before."""
        if "sent_at" in delivery and (kept := await self._reports.kept(delivery)):
            await self._tell(await self._raise(delivery, kept))

    async def _take_by_id(self, reports: Sequence[tuple[External, Report]]) -> list[Document]:
        """Kept first, then looked for once more: whoever records the delivery does both the other way round."""
        known = await self._reports.reported({external for external, _ in reports})
        early = [(external, report) for external, report in reports if not _is_sent(known.get(external))]
        if early:
            await self._reports.keep(early)
            known |= await self._reports.reported({external for external, _ in early})
        found: dict[str, tuple[Document, list[Report]]] = {}
        for external, report in reports:
            delivery = known.get(external)
            is_known = delivery is not None and _is_sent(delivery)
            REPORTED.labels(external[0], external[1], "taken" if is_known else "kept").inc()
            if delivery is not None and is_known:
                found.setdefault(delivery["_id"], (delivery, []))[1].append(report)
        return [d for delivery, of_it in found.values() for d in await self._raise(delivery, of_it)]

    async def _take_until(self, told: Told, what: Reported, up_to: datetime) -> list[Document]:
        at = (told.event.channel, told.event.account, what.address)
        await self._reports.keep_until(at, up_to, what.status)
        report = Report(what.status, told.at, error=error_of(what))
        found = await self._reports.sent_until(at, up_to, what.status)
        REPORTED.labels(at[0], at[1], "range").inc()
        return [d for delivery in found for d in await self._raise(delivery, [report])]

    async def _raise(self, delivery: Document, reports: Sequence[Report]) -> list[Document]:
        """The delivery, where its status is one of these now; nothing where they came late."""
        for _ in range(RACES):
            change = raised(delivery, reports)
            if change is None:
                return [delivery] if delivery["status"] in {report.status for report in reports} else []
            await self._note_window(delivery, change["$set"].get("error"))
            changed = await self._reports.change(delivery, change)
            if changed is not None:
                return [changed] if "$push" in change else []
            delivery = await self._reports.find(delivery["_id"]) or delivery
        raise Retry("a delivery is changed by many at once")

    async def _note_window(self, delivery: Document, error: Document | None) -> None:
        """Some platforms take what they refuse afterwards: then the window that we knew of was closed."""
        opened_at = delivery.get("window_opened_at")
        if opened_at and error and error["code"] == "window_closed":
            await self._contacts.note_closed((delivery["channel"], delivery["account"], delivery["address"]), opened_at)

    async def _tell(self, deliveries: Sequence[Document]) -> None:
        """What belongs to no message, such as a code, has nobody who waits to hear."""
        if not deliveries:
            return
        ids = list({delivery["message_id"] for delivery in deliveries})
        messages = {m["_id"]: m for m in await self._reports.messages(ids)}
        ours = [d for d in deliveries if d["message_id"] in messages]
        standing = await read_deliveries(self._reports.database, [*messages]) if ours else []
        await self._teller.tell([*messages.values()], standing, ours)


def _of(told: Told, what: Reported) -> list[tuple[External, Report]]:
    event, error = told.event, error_of(what)
    return [
        ((event.channel, event.account, external_id), Report(what.status, told.at, external_id, error))
        for external_id in what.external_ids
    ]


def _is_sent(delivery: Document | None) -> bool:
    return delivery is not None and delivery["status"] != "QUEUED"
