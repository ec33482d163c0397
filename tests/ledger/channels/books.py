"""What was done in a run: groups and where their people are, what was written on the web and heard there."""

from dataclasses import dataclass, field
from typing import NamedTuple

CEILINGS = {"telegram": "SENT", "whatsapp": "READ", "messenger": "READ", "instagram": "READ"}
"""The highest status that each platform reports."""
RANKS = {"QUEUED": 0, "SENT": 1, "FAILED": 2, "DELIVERED": 3, "READ": 4}
EDITING = ("telegram", "messenger", "instagram")
UNSENDING = ("messenger", "instagram")


class Person(NamedTuple):
    """Somebody who is on one platform alone, at `address`."""

    username: str
    channel: str
    address: str


@dataclass
class Group:
    """`web` is the one who is here, with a device that stays."""

    conversation_id: str
    web: str
    people: list[Person]


@dataclass
class Written:
    """A message from the web to everybody of its group, on all their channels."""

    group: int
    message_id: str
    text: str
    accepted: bool = False


class Heard(NamedTuple):
    """A message at the socket of a group's web user."""

    group: int
    number: int
    message_id: str


class Change(NamedTuple):
    """A `status` frame at the socket of who wrote the message."""

    message_id: str
    recipient: str
    channel: str
    status: str


class Harm(NamedTuple):
    """`under_way`: deliveries that were not done, and things said that were not stored, when it was done."""

    name: str
    lasted_s: float
    under_way: int


@dataclass
class Books:
    """`run` begins each text, so that no other run's are taken for it."""

    run: str
    channels: tuple[str, ...]
    groups: list[Group] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    harms: list[Harm] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
