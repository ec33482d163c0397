"""How far a partition may be committed when its records are done in any order: up to the lowest that is not; pure."""

import heapq


class Offsets:
    """Of one partition. Offsets begin in their order, with gaps where the log has some, and are done in any."""

    def __init__(self) -> None:
        self._under_way: list[int] = []
        self._done: set[int] = set()
        self._next = 0
        self._committed = 0

    def begin(self, offset: int) -> None:
        heapq.heappush(self._under_way, offset)
        self._next = offset + 1

    def done(self, offset: int) -> None:
        self._done.add(offset)
        while self._under_way and self._under_way[0] in self._done:
            self._done.discard(heapq.heappop(self._under_way))

    @property
    def safe(self) -> int:
        """Everything before it is done."""
        return self._under_way[0] if self._under_way else self._next

    def to_commit(self) -> int | None:
        """None where `committed` was told so already."""
        return self.safe if self.safe > self._committed else None

    def committed(self, offset: int) -> None:
        self._committed = max(self._committed, offset)
