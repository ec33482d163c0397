"""How many updates wait beside Kafka, and for how long: shown as metrics, for each account that is configured."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from prometheus_client import Gauge

from libs.common.errors import Unavailable

if TYPE_CHECKING:
    from services.router.waiting import Waiting

EVERY_S = 5.0

UPDATES = Gauge("parley_inbound_waiting", "Updates that wait beside Kafka.", ["channel", "account"])
OLDEST = Gauge("parley_inbound_waiting_seconds", "How long the oldest has waited.", ["channel", "account"])


@dataclass(frozen=True)
class Backlogs:
    """Each router says the same of all: they share what waits."""

    waiting: "Waiting"
    accounts: Collection[tuple[str, str]]

    async def run(self) -> NoReturn:
        while True:
            with suppress(Unavailable):
                await self.show()
            await asyncio.sleep(EVERY_S)

    async def show(self) -> None:
        """Raises `Unavailable`."""
        for account in self.accounts:
            found = await self.waiting.backlog(*account)
            UPDATES.labels(*account).set(found.updates)
            OLDEST.labels(*account).set(found.oldest_s)
