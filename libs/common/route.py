"""Where a message stands on its route to one recipient: what was begun, what stops it, what comes next; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from connectors.capabilities import EVERY_CHANNEL
from libs.common.events import DeliveryError, DeliveryStatus, Step

HEIGHTS: Mapping[str, int] = MappingProxyType({"SENT": 1, "DELIVERED": 2, "READ": 3})
NOT_NEEDED = DeliveryError("not_needed", "Another step of the route has reached the recipient.")

State = Literal["waiting", "reached", "last"]
"""`waiting` for a step; `reached`: a step got as far as was asked, so nothing follows; `last`: there is no other."""


class Begun(NamedTuple):
    """A step that was begun; `status` is None where its delivery does not stand yet."""

    at: datetime
    status: DeliveryStatus | None


@dataclass(frozen=True, slots=True)
class Place:
    """`step` is the one that reached, else the last that was begun; `due_at`: when the next is, where it waits."""

    state: State
    step: int
    due_at: datetime | None = None


def until(step: Step) -> str:
    """What stops the others: as asked; on a last step that does not say, the proof of arrival, if it can come."""
    return step.until or min("DELIVERED", EVERY_CHANNEL[step.channel].status_ceiling, key=HEIGHTS.__getitem__)


def has_reached(step: Step, status: DeliveryStatus | None) -> bool:
    """What has failed has reached nothing."""
    return HEIGHTS.get(status or "", 0) >= HEIGHTS[until(step)]


def place_on(steps: Sequence[Step], begun: Sequence[Begun]) -> Place:
    """`begun` are the first of the steps, one at least, in their order. What failed is followed at once."""
    for index, (step, one) in enumerate(zip(steps, begun, strict=False)):
        if has_reached(step, one.status):
            return Place("reached", index)
    last = len(begun) - 1
    if last == len(steps) - 1:
        return Place("last", last)
    patience_s = 0 if begun[last].status == "FAILED" else steps[last].after_s or 0
    return Place("waiting", last, begun[last].at + timedelta(seconds=patience_s))


def is_settled(place: Place, begun: Sequence[Begun]) -> bool:
    """Nothing is to be done any more, unless a delivery fails that had not."""
    return place.state != "waiting" and not any(one.status in (None, "QUEUED") for one in begun)


class Progress(NamedTuple):
    """Of one recipient; `begun` are the steps from the first on."""

    begun: Sequence[Begun]
    place: Place


def follow(message: Mapping[str, Any], status: Callable[[str, str], DeliveryStatus | None]) -> dict[str, Progress]:
    """Every recipient's, of a stored message with a route; `status` is that of (recipient, channel), if it stands."""
    steps = steps_of(message)
    later = {(b["recipient"], b["step"]): b["at"] for b in message.get("begun", ())}
    found = {}
    for who in message["to"]:
        times = [message["stored_at"]]
        while (who, len(times)) in later:
            times.append(later[who, len(times)])
        begun = [Begun(at, status(who, step.channel)) for step, at in zip(steps, times, strict=False)]
        found[who] = Progress(begun, place_on(steps, begun))
    return found


def steps_of(message: Mapping[str, Any]) -> list[Step]:
    """None where it has no route."""
    return [Step(**step) for step in message.get("route", ())]
