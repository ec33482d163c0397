"""In what Messenger and Instagram differ, as far as they are simulated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from connectors.capabilities import CHANNELS, Channel
from connectors.formats.messaging import Platform

Told = Literal["message", "echo", "postback", "delivery", "read", "reaction", "message_edit"]


@dataclass(frozen=True)
class Kind:
    """`field_of` says under which field of a subscription an event is told; those that are missing are never told."""

    name: Platform
    one: str
    object: str
    first_person: int
    field_of: Mapping[Told, str]
    seen: str
    outside_subcode: int
    nobody_subcode: int

    @property
    def channel(self) -> Channel:
        return CHANNELS[self.name]


MESSENGER = Kind(
    name="messenger",
    one="an account",
    object="page",
    first_person=7_000_000_000_000_001,
    field_of={
        "message": "messages",
        "echo": "message_echoes",
        "postback": "messaging_postbacks",
        "delivery": "message_deliveries",
        "read": "message_reads",
        "reaction": "message_reactions",
        "message_edit": "message_edits",
    },
    seen="read",
    outside_subcode=2018278,
    nobody_subcode=2018001,
)
INSTAGRAM = Kind(
    name="instagram",
    one="an account",
    object="instagram",
    first_person=9_000_000_000_000_001,
    field_of={
        "message": "messages",
        "echo": "messages",
        "postback": "messaging_postbacks",
        "read": "messaging_seen",
        "reaction": "message_reactions",
        "message_edit": "message_edit",
    },
    seen="messaging_seen",
    outside_subcode=2534022,
    nobody_subcode=2534014,
)
