"""The driver against a small stand-in of the chat socket that can misbehave: what it counts is what happened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import picows
import pytest

from bench.device import RefusedError
from bench.ledger import Verdict
from bench.load import Sender, closed_loop, open_loop
from bench.people import Pair, User
from bench.run import Room, room

PAIR = Pair(User("ana", "", "ana"), User("bo", "", "bo"), "c")


@dataclass
class StandIn:
    """Accepts, numbers and pushes to both; `faults` says for a number how often bo gets it; `busy` refuses first."""

    faults: dict[int, int] = field(default_factory=dict)
    busy: int = 0
    break_at: int = 0
    devices: dict[str, picows.WSTransport] = field(default_factory=dict)
    acks: list[int] = field(default_factory=list)
    number: int = 0

    def enter(self, username: str, transport: picows.WSTransport) -> None:
        self.devices[username] = transport
        self.push(username, type="ready", username=username)
        self.push(username, type="caught_up", epoch="e", offset=0)

    def hear(self, username: str, frame: dict[str, object]) -> None:
        if frame["type"] == "ack" and username == "bo":
            self.acks.append(int(str(frame["sequence_number"])))
            self.push("ana", type="receipt", username="bo", status="DELIVERED", sequence_number=self.acks[-1])
        elif frame["type"] == "send":
            self.take(frame)

    def take(self, frame: dict[str, object]) -> None:
        if self.busy:
            self.busy -= 1
            self.push("ana", type="rejected", ref=frame["ref"], problem={"status": 503})
            return
        self.number += 1
        if self.number == self.break_at:
            self.devices["ana"].disconnect(graceful=False)
            return
        self.push("ana", type="accepted", ref=frame["ref"], message_id=frame["message_id"])
        for username, times in (("ana", 1), ("bo", self.faults.get(self.number, 1))):
            for _ in range(times):
                self.push(username, type="message", message_id=frame["message_id"], sequence_number=self.number)

    def push(self, username: str, /, **frame: object) -> None:
        if username in self.devices:
            self.devices[username].send(picows.WSMsgType.TEXT, msgspec.json.encode(frame))


@asynccontextmanager
async def platform(stand_in: StandIn) -> AsyncIterator[tuple[Room, Sender]]:
    """The stand-in with one pair connected to it."""

    class Listener(picows.WSListener):
        def __init__(self, username: str) -> None:
            self.username = username

        def on_ws_connected(self, transport: picows.WSTransport) -> None:
            stand_in.enter(self.username, transport)

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            if frame.msg_type == picows.WSMsgType.TEXT:
                stand_in.hear(self.username, msgspec.json.decode(frame.get_payload_as_bytes()))

    def listen(request: picows.WSUpgradeRequest) -> Listener:
        return Listener(request.headers["Authorization"].removeprefix("Bearer "))

    server = await picows.ws_create_server(listen, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with room(url, [PAIR], "socket") as everybody:
            lane = everybody.recipients[0].begin()
            yield everybody, Sender(everybody.doors[0], lane, everybody.tally)


async def settled(stand_in: StandIn, sender: Sender, last: int) -> Verdict:
    """The verdict once bo has acknowledged number `last`."""
    async with asyncio.timeout(60):
        while not (stand_in.acks and stand_in.acks[-1] >= last and await sender.door.delivered("", last)):
            await asyncio.sleep(0)
    return sender.lane.verdict()


async def test_a_closed_loop_sends_one_after_the_other_and_all_is_acknowledged() -> None:
    stand_in = StandIn()
    async with platform(stand_in) as (everybody, sender):
        await closed_loop([sender], 0.2)
        verdict = await settled(stand_in, sender, stand_in.number)
    assert verdict == Verdict(sent=stand_in.number, received=stand_in.number)
    assert 0 < everybody.tally.acks <= stand_in.number
    assert stand_in.acks == sorted(stand_in.acks)


async def test_an_open_loop_sends_what_is_due() -> None:
    stand_in = StandIn()
    async with platform(stand_in) as (_, sender):
        await open_loop([sender], 0.2, 500)
        verdict = await settled(stand_in, sender, 100)
    assert verdict == Verdict(sent=100, received=100)


async def test_a_frame_left_out_and_a_frame_twice_are_counted() -> None:
    stand_in = StandIn(faults={3: 0, 5: 2})
    async with platform(stand_in) as (_, sender):
        for _ in range(6):
            await sender.send()
        verdict = await settled(stand_in, sender, 6)
    assert verdict == Verdict(sent=6, received=5, lost=1, doubled=1, out_of_order=1)


async def test_a_busy_platform_is_asked_again_with_the_same_id() -> None:
    stand_in = StandIn(busy=2)
    async with platform(stand_in) as (everybody, sender):
        await sender.send()
        verdict = await settled(stand_in, sender, 1)
    assert (verdict, everybody.tally.retries) == (Verdict(sent=1, received=1), 2)


async def test_a_socket_that_breaks_ends_the_run_with_words() -> None:
    async with platform(StandIn(break_at=1)) as (_, sender):
        with pytest.raises(RefusedError, match="closed"):
            await sender.send()
