"""Letters of the DLQs are kept in MongoDB as they come, so that they can be listed, searched and settled."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from libs.common.bus import Record
from services.router.operators.domain.letters import kept

if TYPE_CHECKING:
    from services.router.operators.store import Letters


@dataclass(frozen=True)
class Keeping:
    """Every DLQ → `letters`. Safe to run twice."""

    letters: "Letters"

    async def handle(self, record: Record) -> None:
        await self.letters.keep(kept(record))

    async def set_aside(self, record: Record) -> None:
        await self.handle(record)

    async def give_up(self, record: Record) -> None:
        """MongoDB refuses it: it is listed all the same, without what it holds. Kafka has it for ever."""
        await self.letters.keep(kept(Record(record.topic, record.partition, record.offset, None, b"")))
