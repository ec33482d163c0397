"""What the platform holds when all is over: messages in MongoDB, ids in Kafka, and the last statuses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tests.ledger.history import History


class Stored(NamedTuple):
    """A document of `messages`; `message` is the index that its text tells, -1 where it tells none."""

    message_id: str
    conversation: int
    number: int
    sender: str
    message: int


@dataclass
class Evidence:
    """`topic` counts the records of each message id; `statuses` are the last ones that a member was shown."""

    stored: Sequence[Stored]
    topic: Counter[str]
    statuses: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def by_message(self) -> Mapping[int, Sequence[Stored]]:
        found: dict[int, list[Stored]] = {}
        for one in self.stored:
            found.setdefault(one.message, []).append(one)
        return found

    @cached_property
    def at(self) -> Mapping[tuple[int, int], int]:
        """(conversation, number) → message."""
        return {(s.conversation, s.number): s.message for s in self.stored}

    def last_numbers(self, history: History) -> list[int]:
        """Of each conversation; 0 where it is empty."""
        last = [0] * len(history.conversations)
        for one in self.stored:
            last[one.conversation] = max(last[one.conversation], one.number)
        return last
