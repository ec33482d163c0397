"""What happens to an update of a platform: its messages become messages here, its changes change them; in batches.

What takes time delays its own address alone: it is postponed, and what comes later from there waits behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.sdk import Arrived, Attachment, Pressed, Reported
from libs.common.bus import Record, Rejected
from services.router.handlers.answering import Answering
from services.router.handlers.changing import Changing
from services.router.handlers.knowing import Knowing
from services.router.handlers.postponed import Postponed
from services.router.handlers.reporting import Reporting
from services.router.handlers.taking import Message, Taking
from services.router.handlers.updates import Connectors, read_updates, theirs
from services.router.inbound import Told, lane_of, written

if TYPE_CHECKING:
    from services.router.contacts import Contacts

Each = tuple[Record, Told]


@dataclass(frozen=True)
class Inbound:
    """`inbound.events` → `message.events`. Safe to run twice: a message has the same id and conversation again."""

    taking: Taking
    changing: Changing
    postponed: Postponed
    answering: Answering
    connectors: Connectors
    knowing: Knowing
    contacts: "Contacts"
    reporting: Reporting

    async def handle(self, batch: Sequence[Record]) -> list[Rejected]:
        """Returns when all of it is a message, a change, or kept to become one. Reports wait for nothing."""
        every, rejected = read_updates(self.connectors, batch)
        await self.reporting.take(t for _, t in every)
        told = [(record, t) for record, t in every if not isinstance(t.what, Reported)]
        self._answer(told)
        await self.knowing.meet(t for _, t in told)
        await self.contacts.note_written(written(t for _, t in told))
        in_use = await self.postponed.in_use({lane_of(t.event) for _, t in told})
        now, later = _sort_out(told, in_use)
        arrived = [Message(r, t, t.what) for r, t in now if isinstance(t.what, Arrived)]
        homeless = await self.taking.take(arrived)
        await self.postponed.meet(arrived)
        later += await self._change(now, in_use)
        await self.postponed.postpone(later)
        return rejected + [theirs(record, "no_inbox") for record in homeless]

    async def checkpoint(self) -> None:
        pass

    def forget(self) -> None:
        pass

    def _answer(self, told: Sequence[Each]) -> None:
        for _, t in told:
            if isinstance(t.what, Pressed) and t.what.answer:
                self.answering.answer((t.event.channel, t.event.account), t.what.answer)

    async def _change(self, told: Sequence[Each], in_use: set[str]) -> list[Each]:
        """Those that cannot be made yet, and what follows them from the same address."""
        later = []
        for record, t in told:
            if isinstance(t.what, Arrived):
                continue
            if lane_of(t.event) in in_use or await self.postponed.apply(record, t) != "done":
                in_use.add(lane_of(t.event))
                later.append((record, t))
        return later


def _sort_out(told: Sequence[Each], in_use: set[str]) -> tuple[list[Each], list[Each]]:
    """Now, and later: what brings a file, and what comes behind something that waits. Their lanes are in use then."""
    now: list[Each] = []
    later: list[Each] = []
    for record, t in told:
        if isinstance(t.what, Arrived) and isinstance(t.what.content, Attachment):
            in_use.add(lane_of(t.event))
        (later if lane_of(t.event) in in_use else now).append((record, t))
    return now, later
