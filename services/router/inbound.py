"""What an update of a platform means: who speaks, in which conversation, and what becomes of it as an event. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from connectors import sdk
from connectors.capabilities import INTERNAL
from libs.common.events import (
    MAX_CAPTION,
    MAX_PLACE,
    MAX_TEXT,
    InboundEvent,
    Location,
    MessageEvent,
    Payload,
    Text,
)
from libs.common.identities import Met
from libs.common.routing import Address

MAX_NAME = 256
External = tuple[str, str, str]
"""(channel, account, external id)"""
Spoken = sdk.Arrived | sdk.Edited | sdk.Reacted | sdk.Pressed | sdk.Unsent
_WITHIN = timedelta(milliseconds=999)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class MessageIds:
    """Of inbound messages. Who does not know the `namespace` can tell none beforehand, and so takes none away."""

    namespace: UUID

    def of(self, channel: str, account: str, external_id: str) -> str:
        """The same for the same message of the platform, however often and in whatever update it comes."""
        return str(uuid5(self.namespace, f"{channel}/{account}/{external_id}"))


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened, and the update that told it."""

    event: InboundEvent
    what: sdk.Inbound

    @property
    def at(self) -> datetime:
        """By the platform's clock, where it tells the time; never later than we heard of it."""
        return self.until(self.what.at) if self.what.at else self.heard_at

    @property
    def heard_at(self) -> datetime:
        return datetime.fromisoformat(self.event.at)

    def until(self, told: datetime) -> datetime:
        """What the platform says of a time is nothing about what comes after we heard it."""
        return min(told, self.heard_at)

    @property
    def address(self) -> "Address":
        return self.event.channel, self.event.account, self.what.address


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation, and who of its members the person at the platform is."""

    conversation_id: str
    sender: str


class Arrival(NamedTuple):
    """What is kept of an inbound message."""

    message_id: str
    at_address: Address
    external_id: str
    place: Place
    at: str


class Sent(NamedTuple):
    """A message of ours that reached the platform."""

    message_id: str
    conversation_id: str


def written(told: Iterable[Told]) -> dict[Address, datetime]:
    """Who of them wrote to us, or answered by a button, and when they did last.

    Platforms tell whole seconds: within that second it was when it came.
    """
    found: dict[Address, datetime] = {}
    for one in told:
        if isinstance(one.what, sdk.Arrived | sdk.Pressed):
            at = one.until(one.at + _WITHIN)
            for address in _addresses(one, one.what):
                found[address] = max(at, found.get(address, at))
    return found


def _addresses(told: Told, what: sdk.Arrived | sdk.Pressed) -> list[Address]:
    """With the others of the same account: what opens a window opens it for all of them."""
    also = what.sender.also if what.sender.value == what.address else ()
    return [(told.event.channel, told.event.account, value) for value in (what.address, *also)]


def said_by(what: Spoken) -> list[str]:
    """The addresses of who did it, then, of a group there, of the whole of it."""
    return [what.address] if isinstance(what, sdk.Unsent) else list(dict.fromkeys([what.sender.value, what.address]))


def met(told: Told, what: sdk.Arrived | sdk.Edited | sdk.Reacted | sdk.Pressed) -> Met:
    """Who of the people there did it."""
    return Met(told.event.channel, what.sender.value, what.sender.also, what.sender.name, told.at)


def place_in(conversation_id: str, members: Collection[str], names: Iterable[str]) -> Place | None:
    """None where none of them is a member: what somebody may not read they may not write into either."""
    found = next((name for name in names if name in members), None)
    return Place(conversation_id, found) if found else None


def to_message(
    own_id: str, told: Told, what: sdk.Arrived, place: Place, payload: Payload, reply_to: str | None
) -> MessageEvent:
    """The same, whenever it is made anew: a repetition is recognised by its id and fingerprint."""
    event = told.event
    return MessageEvent(
        message_id=own_id,
        conversation_id=place.conversation_id,
        sender=place.sender,
        channels=[INTERNAL],
        payload=payload,
        reply_to=reply_to,
        metadata=_origin(event, what),
        fingerprint=own_id,
        accepted_at=event.at,
    )


def _origin(event: InboundEvent, what: sdk.Arrived) -> str:
    """Where it came from, as the metadata of its message; also how long its text was there, where that is shown cut."""
    length = _cut_of(what.content)
    said = {
        "channel": event.channel,
        "account": event.account,
        "external_id": what.external_id,
        "sender": {"address": what.sender.value, "name": what.sender.name[:MAX_NAME]},
        **({"shortened_from": length} if length else {}),
    }
    return _encode({"inbound": said}).decode()


def _cut_of(content: sdk.Content) -> int | None:
    """Characters of a text or a caption that is longer than ours may be."""
    match content:
        case sdk.Text(text=said):
            longest = MAX_TEXT
        case sdk.Attachment(caption=str(said)):
            longest = MAX_CAPTION
        case _:
            return None
    return len(said) if len(said) > longest else None


def lane_of(event: InboundEvent) -> str:
    """What has the same stays in order."""
    return f"{event.channel}/{event.account}/{event.address}"


def to_payload(content: sdk.Text | sdk.Place | sdk.Unsupported) -> Payload:
    """As a message of ours shows it; what we cannot show is named, so that nobody waits for it."""
    match content:
        case sdk.Text(text=text):
            return Text(shortened(text, MAX_TEXT))
        case sdk.Place(latitude=latitude, longitude=longitude, name=name):
            return Location(latitude, longitude, shortened(name, MAX_PLACE) if name else None)
        case sdk.Unsupported(what=what):
            return Text(f"[{what}]")


def shortened(text: str, longest: int) -> str:
    """What the store could refuse goes; there is always a character."""
    plain = text.replace("\0", "") or " "
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
