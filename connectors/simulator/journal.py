"""What the platform has accepted, in order: a bounded list for tests and ledgers, and counts that go on."""

from collections import Counter, deque
from itertools import islice
from typing import Any, Literal

import msgspec

What = Literal["sent", "said", "edited", "deleted", "reacted", "pressed", "changed"]
Id = int | str


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """`sent` came from an account, `said` from a person; `at` is Unix time; `sha256` is that of a file that we sent.

    Ids are of the platform's own form.
    """

    n: int
    at: float
    what: What
    bot: Id | None
    chat: Id
    message_id: Id
    sender: Id
    kind: str = ""
    text: str | None = None
    reply_to: Id | None = None
    size: int | None = None
    sha256: str | None = None


class Page(msgspec.Struct, frozen=True):
    """`lost` counts the entries that were asked for and are forgotten."""

    items: list[Entry]
    next_after: int
    lost: int


class Journal:
    def __init__(self, most: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self._last = 0
        self.counts: Counter[str] = Counter()

    @property
    def last(self) -> int:
        """The number of the newest entry."""
        return self._last

    def note(self, at: float, what: What, **fields: Any) -> Entry:
        self._last += 1
        self.counts[what] += 1
        entry = Entry(self._last, at, what, **fields)
        self._entries.append(entry)
        return entry

    def page(self, after: int, limit: int, chat: Id | None = None) -> Page:
        first = self._entries[0].n if self._entries else self._last + 1
        items: list[Entry] = []
        seen = max(after, first - 1)
        for entry in islice(self._entries, max(0, after + 1 - first), None):
            if len(items) == limit:
                break
            seen = entry.n
            if chat is None or entry.chat == chat:
                items.append(entry)
        return Page(items, seen, max(0, first - after - 1))
