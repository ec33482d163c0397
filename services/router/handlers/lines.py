"""What stands between us and each account of a platform: its connector, its breaker, its rates."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client import Counter, Gauge

from connectors.capabilities import Channel, Throttle
from connectors.sdk import Connector
from libs.common.breaker import Breaker, Permit, State
from libs.common.buckets import Bucket, Buckets
from libs.common.clock import now, rfc3339
from services.router.standing import Standing, Tally

TRIAL_POLL_S = 0.25
LEASED = 5  # tokens of an account's rate that a router takes together, where there are so many
LEVELS = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}

BREAKER = Gauge("parley_channel_breaker", "0 closed, 1 half open, 2 open.", ["channel", "account"])
HELD_BACK = Counter("parley_channel_held_back_seconds", "Waited for rates, in all lanes.", ["channel", "account"])


@dataclass
class Line:
    """One account. `call_s` is how long a call may take at most."""

    channel: str
    account: str
    connector: Connector
    capabilities: Channel
    call_s: float
    buckets: Buckets
    breaker: Breaker = field(default_factory=Breaker)
    clock: Callable[[], float] = time.monotonic
    tally: Tally = field(default_factory=Tally)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def admitted(self, address: str, kind: str) -> Permit:
        """Waits until a call may be made now, without burning anything. Raises `Unavailable`.

        Addresses wait for their own rates side by side, and for the account's one behind the other.
        """
        rates = [(t, self._bucket(t, address)) for t in self.capabilities.throttles if _applies(t, address, kind)]
        await self._take([bucket for t, bucket in rates if t.scope != "account"])
        async with self._turn:
            permit = await self._permitted()
            try:
                await self._take([bucket for t, bucket in rates if t.scope == "account"])
            except BaseException:
                self.breaker.given_back(permit)
                raise
            return permit

    @property
    def is_open(self) -> bool:
        """False while nothing new is wanted: the breaker has opened."""
        return self.breaker.state is not State.OPEN or isinstance(self._look(), Permit)

    def answered(self, permit: Permit) -> None:
        self.breaker.succeeded(permit, self.clock())
        self.show()

    def failed(self, permit: Permit, what: str | None) -> None:
        """`what` was tried; None: nobody was there to take it."""
        self.breaker.failed(permit, self.clock(), what)
        self.show()

    def show(self) -> None:
        BREAKER.labels(self.channel, self.account).set(LEVELS[self.breaker.state])

    def standing(self, lanes: int, waiting: int) -> Standing:
        """How the account fares here; how many lanes it has, and how many records in them, its consumer knows."""
        at, closed_s = now(), self.breaker.open_for_s(self.clock())
        return Standing(
            channel=self.channel,
            account=self.account,
            breaker=self.breaker.state.value,
            tried_again_at=rfc3339(at + timedelta(seconds=closed_s)) if closed_s else None,
            lanes=lanes,
            waiting=waiting,
            in_flight=self.tally.in_flight,
            outcomes=self.tally.outcomes(at),
            waits=self.tally.waits(at),
            errors=self.tally.errors(),
        )

    async def _permitted(self) -> Permit:
        while not isinstance(admitted := self.breaker.admit(self.clock()), Permit):
            self.show()
            await asyncio.sleep(admitted or TRIAL_POLL_S)
        return admitted

    def _look(self) -> Permit | float:
        admitted = self.breaker.admit(self.clock())
        if isinstance(admitted, Permit):
            self.breaker.given_back(admitted)
        return admitted

    async def _take(self, buckets: Sequence[Bucket]) -> None:
        while buckets and (wait_s := await self.buckets.take(buckets)):
            HELD_BACK.labels(self.channel, self.account).inc(wait_s)
            await asyncio.sleep(wait_s)

    def _bucket(self, throttle: Throttle, address: str) -> Bucket:
        whom = "" if throttle.scope == "account" else address
        key = f"rate:{{{self.channel}/{self.account}}}:{throttle.scope}:{throttle.of}:{whom}"
        burst = throttle.burst or max(1, round(throttle.count / throttle.per_s))
        lease = LEASED if throttle.scope == "account" and burst >= 2 * LEASED else 1
        return Bucket(key, throttle.count, throttle.per_s, burst, lease)


def _applies(throttle: Throttle, address: str, kind: str) -> bool:
    """A group's address begins with a minus sign where a channel has groups at all."""
    if throttle.of not in ("all", kind):
        return False
    return throttle.scope != "group" or address.startswith("-")
