"""Who is online: what is known of a person, and how the names in a question are read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from libs.common.errors import invalid

MOST = 100  # of one question: the longest names still fit into an address

Status = Literal["online", "offline"]


class Presence(NamedTuple):
    """`last_seen` is the last sign of life, for who is online too; None where there was none lately."""

    username: str
    status: Status
    last_seen: datetime | None


class Changes(NamedTuple):
    """Who came online, or went offline, at one time by the clock of Redis."""

    at: datetime
    people: Sequence[Presence]


def parse_names(asked: str) -> list[str]:
    """The names between the commas, each once, in their order. Raises `Problem` 422."""
    names = list(dict.fromkeys(name for part in asked.split(",") if (name := part.strip())))
    if not 1 <= len(names) <= MOST:
        raise invalid("/query/usernames", f"must be 1 to {MOST} names, with commas between them")
    return names
