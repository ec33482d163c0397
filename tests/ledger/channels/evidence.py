"""What each platform's own log says, and what MongoDB and the API hold, when all is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Chat = tuple[str, str]
"""(channel, address)"""
External = tuple[str, str]
"""(channel, the platform's id of a message)"""


class Entry(NamedTuple):
    """Of a platform's log: what it accepted, in order. `what`: sent (by us), said, edited, deleted."""

    channel: str
    chat: str
    what: str
    external_id: str
    text: str


class Told(NamedTuple):
    """That somebody said something, as a webhook took it: when it was first tried, and when it was first taken."""

    channel: str
    chat: str
    external_id: str
    tried_at: float
    taken_at: float


class Stored(NamedTuple):
    """A document of `messages`; `external` is what its metadata tells of where it comes from."""

    message_id: str
    conversation_id: str
    number: int
    sender: str
    text: str
    is_unsent: bool
    external: External | None


class Delivery(NamedTuple):
    """A document of `deliveries`; `history` are its statuses, in order."""

    message_id: str
    recipient: str
    channel: str
    status: str
    history: Sequence[str]
    is_uncertain: bool


class Shown(NamedTuple):
    """A message in the history that a member asks for."""

    message_id: str
    number: int
    text: str


@dataclass
class Evidence:
    """`read`: what the platforms' people have read; `histories`: (message, recipient, channel) → statuses of the API;
    `shown`: conversation → its history."""

    log: Sequence[Entry] = ()
    told: Sequence[Told] = ()
    read: frozenset[External] = frozenset()
    stored: Sequence[Stored] = ()
    deliveries: Sequence[Delivery] = ()
    shown: Mapping[str, Sequence[Shown]] = field(default_factory=dict)
    histories: Mapping[tuple[str, str, str], Sequence[str]] = field(default_factory=dict)

    def said(self, run: str) -> dict[External, Entry]:
        """What people of the platforms said in this run, by the platforms' ids, in order."""
        found = [e for e in self.log if e.what == "said" and e.text.startswith(run)]
        return {(e.channel, e.external_id): e for e in found}

    def taken_back(self) -> frozenset[External]:
        return frozenset((e.channel, e.external_id) for e in self.log if e.what == "deleted")

    def sent(self, run: str) -> dict[Chat, list[Entry]]:
        """What came from us in this run, in each chat in order."""
        found: dict[Chat, list[Entry]] = {}
        for entry in self.log:
            if entry.what == "sent" and entry.text.startswith(run):
                found.setdefault((entry.channel, entry.chat), []).append(entry)
        return found

    def inbound(self) -> dict[External, list[Stored]]:
        found: dict[External, list[Stored]] = {}
        for one in self.stored:
            if one.external:
                found.setdefault(one.external, []).append(one)
        return found
