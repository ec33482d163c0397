"""Ids that only rise, also over a restart and a reset, so that nobody who remembers one sees it again."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

A_START = 1_767_225_600  # the first of January 2026
A_SECOND = 30
MOST = 2_000_000_000  # update ids and message ids have 31 bits


@dataclass
class Numbers:
    """The first number of each row comes from the time: later starts are above what went at up to 30 a second."""

    clock: Callable[[], float]
    _last: dict[Hashable, int] = field(default_factory=dict)

    def next(self, row: Hashable) -> int:
        known = self._last.get(row)
        self._last[row] = known + 1 if known else int((self.clock() - A_START) * A_SECOND) % MOST + 1
        return self._last[row]

    def last(self, row: Hashable) -> int:
        return self._last.get(row, 0)
