"""What happens on the route of a message: its next step is begun when it is due, what is not needed is called off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from prometheus_client import Counter

from connectors.capabilities import INTERNAL
from libs.common.clock import now
from libs.common.deliveries import read_deliveries
from libs.common.events import MAX_STEPS, DeliveryStatus
from libs.common.mongo import Database, Document, answering
from libs.common.receipts import read_marks
from libs.common.route import NOT_NEEDED, Progress, follow, is_settled
from libs.common.scheduler import Scheduler
from services.router.handlers.deliveries import Deliveries
from services.router.handlers.telling import Teller

if TYPE_CHECKING:
    from services.router.outbox import Outbox
    from services.router.store import Store

AT_ONCE = 50  # messages
SOONEST = timedelta(seconds=2)  # between two looks at what waits to be sent; then a quarter of its age

BEGUN = Counter("parley_route_steps_begun", "Steps of routes after the first, for each recipient.", ["channel"])
CALLED_OFF = Counter("parley_route_called_off", "Deliveries of routes that were not needed any more.", ["channel"])


@dataclass(frozen=True)
class Following:
    """Safe to run twice, here and elsewhere: a step begins once, and what stands is not opened anew.

    It looks at what is stored: a timer that comes too early, too late or twice finds what is, and changes nothing else.
    """

    store: "Store"
    outbox: "Outbox"
    deliveries: Deliveries
    teller: Teller
    routes: Scheduler

    async def run(self) -> NoReturn:
        await self.routes.run(self.follow, AT_ONCE)

    async def follow(self, timer: Document) -> datetime | None:
        """When to look again; None where nothing is left to do."""
        for _ in range(MAX_STEPS + 1):
            message = await self.store.routed(timer["_id"])
            if message is None:
                return None
            standing = await read_deliveries(self.store.database, [message["_id"]])
            progress = await _progress(self.store.database, message, standing)
            due = _due(progress, now())
            if not due:
                return await self._call_off(message, standing, progress)
            for step, recipients in due.items():
                await self._begin(message, step, recipients)
        return now()

    async def _begin(self, message: Document, step: int, recipients: Sequence[str]) -> None:
        channel = message["route"][step]["channel"]
        await self.store.begin_step(message["_id"], step, recipients, now())
        if channel != INTERNAL:
            await self.deliveries.open_step(message, step, recipients)
        BEGUN.labels(channel).inc(len(recipients))

    async def _call_off(
        self, message: Document, standing: Sequence[Document], progress: Mapping[str, Progress]
    ) -> datetime | None:
        unsent = [d for d in standing if d["status"] == "QUEUED" and not d.get("not_needed")]
        idle = [d for d in unsent if progress[d["recipient"]].place.state == "reached"]
        for d in idle:
            await self.outbox.cancel(d["_id"], NOT_NEEDED)
        if idle:
            standing = await read_deliveries(self.store.database, [message["_id"]])
            ended = {d["_id"] for d in idle}
            changed = [d for d in standing if d["_id"] in ended and d["status"] == "FAILED"]
            await self.teller.tell([message], standing, changed)
            for d in changed:
                CALLED_OFF.labels(d["channel"]).inc()
        return _next(progress, now())


async def is_superseded(database: Database, delivery: Document) -> bool:
    """Whether another step of the route has reached its recipient; asked before it is sent."""
    if "route_step" not in delivery:
        return False
    with answering():
        message = await database["messages"].find_one({"_id": delivery["message_id"]})
    if message is None:
        return False
    standing = await read_deliveries(database, [message["_id"]])
    progress = await _progress(database, message, standing)
    return progress[delivery["recipient"]].place.state == "reached"


async def _progress(database: Database, message: Document, standing: Sequence[Document]) -> dict[str, Progress]:
    conversation_id, number = message["conversation_id"], message["sequence_number"]
    external: dict[tuple[str, str], DeliveryStatus] = {(d["recipient"], d["channel"]): d["status"] for d in standing}
    members = [(conversation_id, who) for who in message["to"]]
    marks = await read_marks(database, members if INTERNAL in message["channels"] else [])

    def status(recipient: str, channel: str) -> DeliveryStatus | None:
        if channel == INTERNAL:
            return marks[conversation_id, recipient].status_of(number)
        return external.get((recipient, channel))

    return follow(message, status)


def _due(progress: Mapping[str, Progress], at: datetime) -> dict[int, list[str]]:
    """Step → whom it is to be begun for: it is time, or somebody died between its beginning and its delivery."""
    due: dict[int, list[str]] = {}
    for who, (begun, place) in progress.items():
        if place.state != "reached" and place.step and begun[place.step].status is None:
            due.setdefault(place.step, []).append(who)
        elif place.due_at and place.due_at <= at:
            due.setdefault(place.step + 1, []).append(who)
    return due


def _next(progress: Mapping[str, Progress], at: datetime) -> datetime | None:
    """What waits to be sent, while another step may still reach, is looked at ever more seldom."""
    times = [place.due_at for _, place in progress.values() if place.due_at]
    for begun, place in progress.values():
        if place.state == "last" and not is_settled(place, begun):
            times.append(at + max(SOONEST, (at - begun[-1].at) / 4))
    return min(times, default=None)
