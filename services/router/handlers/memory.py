"""What a handler keeps of the last state of conversations and members, so that it need not be read for each batch."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Generic, TypeVar

MEMORY = 100_000  # conversations, and members, whose last state is kept: about 20 MB

K = TypeVar("K")
V = TypeVar("V")


class Memory(OrderedDict[K, V], Generic[K, V]):
    """The newest entries; the oldest leave when it is full."""

    def __init__(self, size: int = MEMORY) -> None:
        super().__init__()
        self._size = size

    def learn(self, known: Mapping[K, V]) -> None:
        for key, value in known.items():
            self[key] = value
            self.move_to_end(key)
        while len(self) > self._size:
            self.popitem(last=False)


class Heights(Memory[str, int]):
    """At least so many messages a conversation has; true whoever owns its partition, because numbers only grow."""

    def learn(self, known: Mapping[str, int]) -> None:
        super().learn({c: max(number, self.get(c, 0)) for c, number in known.items()})
