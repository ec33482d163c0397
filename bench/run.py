"""One measured run: warm up, count, load, wait until every status is final, count again."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from bench import stack
from bench.device import Device, Frame, Tally, connect
from bench.doors import BatchDoor, Door, HttpDoor, SocketDoor
from bench.figures import Latency, latency
from bench.ledger import Lane, Verdict
from bench.load import Sender, clock, closed_loop, open_loop, quiet_collector
from bench.people import Pair
from bench.scenarios import REST_S, DoorName, Scenario

SETTLE_S = 60.0
POLL_S = 0.02
Find = Callable[[], Mapping[str, int]]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run; `seconds` from its begin to the last arrival.

    `caught_up_s` is from the time when no more was sent until everything had arrived and every status was final."""

    scenario: str
    seconds: float
    per_second: float
    accept_ms: Latency
    receipt_ms: Latency
    verdict: Verdict
    final: bool
    retries: int
    acks_per_message: float
    caught_up_s: float
    costs: stack.Costs
    restarted: list[str]


@dataclass
class Recipient:
    """The partner's device, which puts what arrives into the lane of the run."""

    device: Device
    lane: Lane | None = None

    def begin(self) -> Lane:
        """A new account for what comes from here on."""
        self.lane = Lane()
        return self.lane

    @property
    def last_number(self) -> int:
        return self.lane.last_number if self.lane is not None else 0

    def hear(self, frame: Frame) -> None:
        if frame.type == "message" and self.lane is not None:
            self.lane.arrive(frame.message_id, frame.sequence_number, clock())


@dataclass(frozen=True)
class Room:
    """Everybody connected: a door for each sender, a device for each recipient."""

    doors: Sequence[Door]
    recipients: Sequence[Recipient]
    tally: Tally


@asynccontextmanager
async def room(url: str, pairs: Sequence[Pair], way_in: DoorName) -> AsyncIterator[Room]:
    """Open the recipients' sockets, and the senders' where they send by socket.

    Afterwards the senders have seen what they sent: else their next log-in would bring all of it."""
    tally, own = Tally(), Tally()
    recipients = [Recipient(Device(pair.conversation_id, tally)) for pair in pairs]
    doors: list[Door] = []
    try:
        for pair, recipient in zip(pairs, recipients, strict=True):
            recipient.device.on_frame.append(recipient.hear)
            await connect(url, pair.recipient.access_token, recipient.device)
            if way_in != "socket":
                doors.append(BatchDoor(url, pair) if way_in == "batch" else HttpDoor(url, pair))
                continue
            device = Device(pair.conversation_id, own)
            await connect(url, pair.sender.access_token, device)
            device.acknowledges = False
            doors.append(SocketDoor(device, pair))
        yield Room(doors, recipients, tally)
        for door, recipient in zip(doors, recipients, strict=True):
            await door.catch_up(recipient.last_number)
    finally:
        for door in doors:
            door.close()
        for recipient in recipients:
            recipient.device.close()


async def measure(url: str, pairs: Sequence[Pair], scenario: Scenario, find: Find = stack.pids) -> Result:
    """Warm-up (or a rest, without one) and run, each until everything that was accepted is delivered."""
    async with room(url, pairs, scenario.door or "http") as everybody:
        if scenario.warm_up_s:
            await load(everybody, scenario, scenario.warm_up_s)
        else:
            await asyncio.sleep(REST_S)
        return await take(everybody, scenario, find)


async def take(everybody: Room, scenario: Scenario, find: Find = stack.pids) -> Result:
    """One load and what it cost, with everybody connected; `find` tells the platform's processes."""
    everybody.tally.acks = everybody.tally.retries = 0
    pids = await asyncio.to_thread(find)
    with quiet_collector():
        before = stack.snapshot(pids)
        outcome = await load(everybody, scenario, scenario.seconds)
        after = stack.snapshot(pids)
    load_average = os.getloadavg()[0]
    pids_after = await asyncio.to_thread(find)
    costs = stack.costs(before, after, sum(len(lane.sent) for lane in outcome.lanes), load_average)
    restarted = sorted(name for name, pid in pids_after.items() if pids.get(name) != pid)
    return _result(scenario, outcome, everybody.tally, costs, restarted)


@dataclass(frozen=True)
class Outcome:
    """The accounts of one load, its times by the driver's clock, and whether all became final."""

    lanes: Sequence[Lane]
    start: float
    last_due: float
    end: float
    final: bool


async def load(room: Room, scenario: Scenario, seconds: float) -> Outcome:
    """Returns when everything has arrived and is final, or the time for that is up."""
    lanes = [recipient.begin() for recipient in room.recipients]
    senders = [Sender(door, lane, room.tally) for door, lane in zip(room.doors, lanes, strict=True)]
    start = clock()
    if scenario.rate is None:
        await closed_loop(senders, seconds)
    else:
        await open_loop(senders, seconds, scenario.rate)
    final = await _settle(senders)
    return Outcome(lanes, start, start + seconds, clock(), final)


async def _settle(senders: Sequence[Sender]) -> bool:
    """Until all have arrived and the platform calls the last of each conversation delivered, or the time is up."""
    end = time.monotonic() + SETTLE_S
    for sender in senders:
        while not (sender.lane.complete and await _is_final(sender)):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(POLL_S)
    return True


async def _is_final(sender: Sender) -> bool:
    lane = sender.lane
    if not lane.last_number:
        return True
    newest = max(range(len(lane.numbers)), key=lane.numbers.__getitem__)
    name = next(message_id for message_id, index in lane.index_of.items() if index == newest)
    return await sender.door.delivered(name, lane.last_number)


def _result(scenario: Scenario, outcome: Outcome, tally: Tally, costs: stack.Costs, restarted: list[str]) -> Result:
    lanes = outcome.lanes
    verdict = sum((lane.verdict() for lane in lanes), Verdict())
    last = max((arrived for lane in lanes for arrived in lane.arrived), default=outcome.end) or outcome.end
    seconds = last - outcome.start
    return Result(
        scenario=scenario.name,
        seconds=round(seconds, 3),
        per_second=round(verdict.received / seconds, 1),
        accept_ms=latency([one for lane in lanes for one in lane.accept_latencies()]),
        receipt_ms=latency([one for lane in lanes for one in lane.receipt_latencies()]),
        verdict=verdict,
        final=outcome.final,
        retries=tally.retries,
        acks_per_message=round(tally.acks / max(verdict.sent, 1), 3),
        caught_up_s=round(max(0.0, outcome.end - outcome.last_due), 3),
        costs=costs,
        restarted=restarted,
    )
