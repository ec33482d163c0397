"""What happens to deliveries of accounts that were taken out of the settings: set aside, where they come to their end.

Nobody reads the topics of such accounts, so they are looked for in what is stored.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from libs.common.bus import Record
from libs.common.clock import now
from libs.common.errors import Retry
from libs.common.kafka import Outgoing
from services.router.handlers.courier import Courier
from services.router.handlers.deliveries import request_for
from services.router.retrying import LIVES

if TYPE_CHECKING:
    from services.router.outbox import Outbox

SWEEP_S = 60.0
AT_ONCE = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Leftovers:
    """`accounts` are those of the settings. Safe to run twice, here and elsewhere: what is set aside is so once."""

    outbox: "Outbox"
    courier: Courier
    accounts: Collection[tuple[str, str]]
    lives: timedelta = LIVES

    async def run(self) -> NoReturn:
        while True:
            try:
                await self.sweep(now())
            except Retry as reason:
                log.warning("what no account carries waits: %s", reason)
            await asyncio.sleep(SWEEP_S)

    async def sweep(self, at: datetime) -> int:
        """The oldest of those that were to be sent before their time was over at `at`; how many. Raises `Retry`."""
        left = await self.outbox.left_behind(self.accounts, at - self.lives, AT_ONCE)
        for message, delivery in left:
            await self.courier.set_aside(_as_it_came(request_for(message, delivery)))
        return len(left)


def _as_it_came(request: Outgoing) -> Record:
    """Before all others of its lane."""
    return Record(request.topic, 0, -1, request.key.encode(), request.value, dict(request.headers))
