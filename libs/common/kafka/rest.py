"""Rest: a member that nothing comes for asks less often, and hears of what comes just as soon."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka.client import ConnectionGroup

RESTING_MS = 3_000
RESTS_AFTER_S = 2.0  # longer than it takes until what was done is committed


class Rest:
    """Of one client that is started. A fetch is answered as soon as something comes, however long it may wait; but what
    it left out waits for its end, so only who has nothing in hand and nothing paused lets it wait for long.
    """

    def __init__(self, client: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client._client
        self._fetcher = client._fetcher
        self._fetch = self._fetcher._proc_fetch_request
        self._fetcher._proc_fetch_request = self._fetching
        self._brisk = (self._fetcher._fetch_max_wait_ms, self._fetcher._fetcher_timeout)
        self._clock = clock
        self._busy_at = clock()

    def polled(self, *, is_idle: bool) -> None:
        """Idle: nothing came, is in hand or is paused. Holds from the next fetch on."""
        now_s = self._clock()
        if not is_idle:
            self._busy_at = now_s
        resting = (RESTING_MS, RESTING_MS / 1000)
        waits = resting if now_s - self._busy_at >= RESTS_AFTER_S else self._brisk
        self._fetcher._fetch_max_wait_ms, self._fetcher._fetcher_timeout = waits

    async def _fetching(self, assignment: Any, node_id: int, request: Any) -> bool:
        """One that is abandoned, for other partitions or to stop, takes its line along: a broker answers what comes on
        a line in turn, and would wait for the end of this one first."""
        try:
            return bool(await self._fetch(assignment, node_id, request))
        finally:
            fetching = asyncio.current_task()
            if fetching is not None and fetching.cancelling():
                self.polled(is_idle=False)
                self._hang_up(node_id)

    def _hang_up(self, node_id: int) -> None:
        line = self._client._conns.get((node_id, ConnectionGroup.DEFAULT))
        if line is not None:
            line.close()
