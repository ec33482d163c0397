"""What happens to an edit, a reaction, a pressed button, a message taken back: stored with its message, told to all."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec
from prometheus_client import Counter

from connectors.sdk import Edited, Pressed, Reach, Reacted, Unsent
from libs.common import frames
from libs.common.clock import rfc3339
from libs.common.conversations import Members
from libs.common.events import Payload, SentFile, Text
from libs.common.feed import Entry, FeedWriter, pack
from libs.common.mongo import Document
from services.router.attached import edited
from services.router.handlers.knowing import Knowing
from services.router.inbound import External, MessageIds, Place, Sent, Told, place_in

if TYPE_CHECKING:
    from services.router.arrivals import Arrivals
    from services.router.changes import Changes
    from services.router.contacts import Contacts

GONE = Text("[unsent]")

CHANGED = Counter("parley_inbound_changes", "Changes of messages by platforms.", ["kind", "end"])

Change = Edited | Reacted | Pressed | Unsent
End = Literal["done", "unstored", "file", "early"]
"""Its message is not stored yet; a file has to be fetched, or to go, before; or the message of an edit has not come."""


@dataclass(frozen=True)
class Changing:
    """Safe to run twice: the same change leaves the same message, and its frame says the same again."""

    ids: MessageIds
    changes: "Changes"
    arrivals: "Arrivals"
    members: Members
    knowing: Knowing
    feed: FeedWriter
    contacts: "Contacts"

    async def apply(self, told: Told, file: Payload | None = None) -> End:
        """Except edits, what is of no message of ours is passed over. `file`: what it says with its file, or none."""
        what = told.what
        if isinstance(what, Reach):
            refusal = None if what.can_be_reached else what.code
            await self.contacts.note_reach(told.address, refusal, told.at)
        if not isinstance(what, Edited | Reacted | Pressed | Unsent):
            return "done"
        if isinstance(what, Unsent):
            await self.arrivals.take_back(self.ids.of(told.event.channel, told.event.account, what.external_id))
        target = await self.target(told, what)
        if target is None:
            return "early" if isinstance(what, Edited) else _counted(what, "passed_over")
        stored = await self.changes.stored(target.message_id)
        if stored is None:
            return "unstored"
        payload = file or _payload(what, msgspec.convert(stored, Payload))
        return await self._make(told, what, target, payload) if payload else "file"

    async def _make(self, told: Told, what: Change, target: Sent, payload: Payload) -> End:
        members = await self.members.of(target.conversation_id)
        (who,) = await self.knowing.who([(told, what)])
        place = place_in(target.conversation_id, members, who.names)
        if place is None:
            return _counted(what, "passed_over")
        changed = await self._store(target.message_id, place.sender, told.at, what, payload)
        if changed:
            kind, body = _frame(target.message_id, changed, place.sender, rfc3339(told.at), what, payload)
            packed = pack(kind, frames.encode(body), target.conversation_id, changed["sequence_number"])
            await self.feed.append([Entry(member, packed) for member in members])
        return _counted(what, "stored" if changed else "older")

    async def place(self, told: Told, what: Change) -> Place | None:
        """Where the message stands, and who there is meant."""
        target = await self.target(told, what)
        if target is None:
            return None
        (who,) = await self.knowing.who([(told, what)])
        return place_in(target.conversation_id, await self.members.of(target.conversation_id), who.names)

    async def target(self, told: Told, what: Change) -> Sent | None:
        """The message and its conversation: one of ours that was sent there, or one that came from there."""
        if what.external_id is None:
            return None
        external: External = (told.event.channel, told.event.account, what.external_id)
        if not isinstance(what, Edited | Unsent) and (sent := (await self.arrivals.sent([external])).get(external)):
            return sent
        theirs = self.ids.of(*external)
        place = (await self.arrivals.known([theirs])).get(theirs)
        return Sent(theirs, place.conversation_id) if place else None

    async def _store(self, own_id: str, username: str, at: datetime, what: Change, payload: Payload) -> Document | None:
        match what:
            case Edited():
                return await self.changes.edit(own_id, msgspec.to_builtins(payload), at)
            case Unsent():
                return await self.changes.unsend(own_id, msgspec.to_builtins(payload), at)
            case Reacted():
                return await self.changes.react(own_id, username, what.reactions)
            case Pressed():
                return await self.changes.press(own_id, username, what.data, at)


def _counted(what: Change, end: str) -> End:
    CHANGED.labels(type(what).__name__.lower(), end).inc()
    return "done"


def _payload(what: Change, stored: Payload) -> Payload | None:
    """What the message says from now on; None where a file has to be fetched, or to go, before."""
    match what:
        case Edited():
            return edited(stored, what.content)
        case Unsent():
            return None if isinstance(stored, SentFile) else GONE
        case _:
            return stored


def _frame(
    own_id: str, changed: Document, username: str, at: str, what: Change, payload: Payload
) -> tuple[str, msgspec.Struct]:
    place = (own_id, changed["conversation_id"], changed["sequence_number"])
    match what:
        case Edited():
            return "edited", frames.Edited(*place, payload, at)
        case Unsent():
            return "unsent", frames.Unsent(*place, at)
        case Reacted():
            return "reacted", frames.Reacted(*place, username, what.reactions, at)
        case Pressed():
            return "pressed", frames.Pressed(*place, username, what.data, at)
