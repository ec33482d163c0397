"""A device of a user: it connects, hears, acknowledges, is cut off or leaves, and comes back; all of it is recorded."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import picows

from tests.ledger.gateway import Caller
from tests.ledger.history import NO_OFFSET, RANKS, Claim, Connection, History, Leaving, Page

PATIENCE_S = 15.0
PAGE = 200


class Frame(msgspec.Struct):
    """What is looked at in a frame."""

    type: str
    message_id: str = ""
    conversation_id: str = ""
    sequence_number: int = 0
    offset: int | None = None
    epoch: str = ""
    recovered: bool | None = None
    username: str = ""
    status: str = ""
    ref: str = ""
    problem: dict[str, object] = {}


_read = msgspec.json.Decoder(Frame).decode


@dataclass(frozen=True)
class Habits:
    """`stays_s`: how long on average until it is cut or leaves, 0 for ever; `acks_after_s`: 0 at once, below: never."""

    stays_s: float
    acks_after_s: float
    reads: float


class Line(picows.WSListener):
    """One connection; it writes down what it hears."""

    def __init__(self, device: "Device", record: Connection) -> None:
        self.record = record
        self.changed = asyncio.Event()
        self.epoch, self.offset = "", 0
        self.answers: dict[str, asyncio.Future[Frame]] = {}
        self._device = device
        self._transport: picows.WSTransport | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            self._hear(_read(frame.get_payload_as_memoryview()))
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            self.record.code = int.from_bytes(frame.get_payload_as_bytes()[:2], "big")
            transport.disconnect()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.end("closed")

    @property
    def is_over(self) -> bool:
        return self.record.leaving != "open"

    def say(self, frame: object) -> bool:
        """False where the line is gone already."""
        if self.is_over or self._transport is None:
            return False
        self._transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(frame))
        return True

    def cut(self) -> None:
        """Without a good-bye, as a phone in a tunnel."""
        self.end("cut")
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def leave(self) -> None:
        if self._transport is not None and not self.is_over:
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()
        self.end("left")

    def end(self, how: Leaving) -> None:
        if self.is_over:
            return
        self.record.leaving, self.record.ended = how, time.monotonic_ns()
        for answer in self.answers.values():
            if not answer.done():
                answer.cancel()
        self.changed.set()

    def _hear(self, frame: Frame) -> None:
        if self.is_over:
            return
        now, record = time.monotonic_ns(), self.record
        match frame.type:
            case "message":
                self._device.take(self, frame, now)
                self._move_on(frame)
            case "receipt":
                self._device.note_receipt(self, frame, now)
                self._move_on(frame)
            case "ready":
                record.ready, record.recovered = now, frame.recovered
            case "caught_up":
                record.caught_up = record.caught_up or now
                self.epoch, self.offset = frame.epoch, frame.offset or 0
            case "accepted" | "rejected":
                self._answer(frame)
        self.changed.set()

    def _move_on(self, frame: Frame) -> None:
        if frame.offset is not None and self.record.caught_up:
            self.offset = max(self.offset, frame.offset)

    def _answer(self, frame: Frame) -> None:
        answer = self.answers.pop(frame.ref, None)
        if answer is not None and not answer.done():
            answer.set_result(frame)


class Device:
    """`line` is the connection of the moment; it may be over."""

    def __init__(
        self, history: History, url: str, token: str, user: int, number: int, habits: Habits, seed: random.Random
    ) -> None:
        self.history = history
        self.user, self.number, self.habits = user, number, habits
        self.line: Line | None = None
        self.has: dict[int, int] = {}
        self._url, self._token = url, token
        self._index = {conversation: index for index, conversation in enumerate(history.conversations)}
        self._users = {name: index for index, name in enumerate(history.users)}
        self._chance = seed
        self._caller = Caller(url, token)
        self._resume: Line | None = None
        self._unread_since: dict[int, int] = {}
        self._owed: dict[int, int] = {}

    async def live(self, stop: asyncio.Event) -> None:
        """Until `stop`: then it stays as it is, connected."""
        after = ""
        while True:
            line = await self._connect(after)
            if line is None:
                await asyncio.sleep(self._chance.uniform(0.1, 0.6))
                continue
            after = await self._stay(line, stop)
            if not after:
                return
            self._keep_progress(line)
            if after == "left":
                self._resume = None
                await _either(stop, self._chance.expovariate(1 / 4))
            else:
                await asyncio.sleep(self._chance.uniform(0.05, 0.5))

    def acknowledge_all(self) -> None:
        """From now on at once; a device that leaves it to another goes on to do so."""
        if self.habits.acks_after_s >= 0:
            self.habits = Habits(stays_s=0, acks_after_s=0, reads=0)
            self._owed = dict(self.has)
            self.acknowledge()

    def take(self, line: Line, frame: Frame, now: int) -> None:
        conversation = self._index.get(frame.conversation_id)
        if conversation is None:
            return
        offset = NO_OFFSET if frame.offset is None else frame.offset
        message = self.history.index_of(frame.message_id)
        line.record.pushes.add(conversation, frame.sequence_number, message, offset, now)
        if message >= 0:
            sent = self.history.sent[message]
            sent.arrived = sent.arrived or now
        self.has[conversation] = max(self.has.get(conversation, 0), frame.sequence_number)
        self._owe(line, conversation, frame.sequence_number)

    def note_receipt(self, line: Line, frame: Frame, now: int) -> None:
        conversation, user = self._index.get(frame.conversation_id), self._users.get(frame.username)
        if conversation is not None and user is not None:
            line.record.receipts.add(conversation, user, RANKS[frame.status], frame.sequence_number, now)

    def acknowledge(self) -> None:
        """Says the newest of what it owes."""
        owed, self._owed = self._owed, {}
        for conversation, number in owed.items():
            self._claim(conversation, number)

    def close(self) -> None:
        if self.line is not None:
            self.line.leave()
        self._caller.close()

    async def _connect(self, after: str) -> Line | None:
        """None where the platform is not there, or says nothing."""
        resumed = self._resume
        progress = resumed.record if resumed else None
        record = Connection(self.user, self.number, time.monotonic_ns(), progress, after=after)
        line = Line(self, record)
        try:
            async with asyncio.timeout(PATIENCE_S):
                url = self._url.replace("http", "ws", 1) + "/v1/ws"
                await picows.ws_connect(lambda: line, url, max_redirects=0)
                self.line = line
                line.say(self._auth(resumed))
                while not line.record.ready and not line.is_over:
                    line.changed.clear()
                    await line.changed.wait()
        except (OSError, TimeoutError, picows.WSError):
            line.cut()
        if not record.ready:
            return None
        self.history.connections.append(record)
        if record.recovered is not True:
            self._unread_since |= {c: n for c, n in self.has.items() if c not in self._unread_since and resumed}
        return line

    def _auth(self, resumed: Line | None) -> Mapping[str, object]:
        auth: dict[str, object] = {"type": "auth", "token": self._token}
        if resumed is not None:
            auth["resume"] = {"epoch": resumed.epoch, "offset": resumed.offset}
        return auth

    async def _stay(self, line: Line, stop: asyncio.Event) -> str:
        """Until something ends the connection; says what. Empty: it is to stay."""
        stays = self._chance.expovariate(1 / self.habits.stays_s) if self.habits.stays_s else None
        reading = asyncio.create_task(self._read_history(line))
        ticking = asyncio.create_task(self._tick(line))
        stopping = asyncio.create_task(stop.wait())
        over = asyncio.create_task(_until_over(line))
        try:
            await asyncio.wait({stopping, over}, timeout=stays, return_when=asyncio.FIRST_COMPLETED)
            if line.is_over:
                return "closed"
            if stop.is_set():
                await reading
                return "" if not line.is_over else "closed"
        finally:
            for task in (ticking, stopping, over, *(() if reading.done() else (reading,))):
                task.cancel()
        how = "left" if self._chance.random() < 0.3 else "cut"
        line.leave() if how == "left" else line.cut()
        return how

    async def _tick(self, line: Line) -> None:
        pause = self.habits.acks_after_s
        while pause > 0 and not line.is_over:
            await asyncio.sleep(self._chance.uniform(0, 2 * pause))
            self.acknowledge()

    async def _read_history(self, line: Line) -> None:
        """What it was told it may have missed."""
        while self._unread_since:
            conversation, since = next(iter(self._unread_since.items()))
            line.record.pages.append(await self._page(conversation, since))
            del self._unread_since[conversation]

    async def _page(self, conversation: int, since: int) -> Page:
        numbers: list[int] = []
        at = since
        while True:
            path = f"/v1/conversations/{self.history.conversations[conversation]}/messages?since={at}&limit={PAGE}"
            found = [item["sequence_number"] for item in (await self._caller.get(path))["items"]]
            numbers += found
            if len(found) < PAGE:
                return Page(conversation, since, tuple(numbers))
            at = found[-1]

    def _keep_progress(self, line: Line) -> None:
        """A resume is as good as the last `caught_up`; before the first one the older progress still holds."""
        if line.record.caught_up:
            self._resume = line
        elif line.record.recovered is not True:
            self._resume = None
        self._owed.clear()

    def _owe(self, line: Line, conversation: int, number: int) -> None:
        if self.habits.acks_after_s < 0:
            return
        self._owed[conversation] = number
        if self.habits.acks_after_s == 0:
            self.acknowledge()

    def _claim(self, conversation: int, number: int) -> None:
        kind = "read" if self._chance.random() < self.habits.reads else "ack"
        claim = {"type": kind, "conversation_id": self.history.conversations[conversation], "sequence_number": number}
        rank = RANKS["READ" if kind == "read" else "DELIVERED"]
        self.history.claims.append(Claim(self.user, conversation, rank, number, time.monotonic_ns()))
        if self.line is not None:
            self.line.say(claim)


async def _until_over(line: Line) -> None:
    while not line.is_over:
        line.changed.clear()
        await line.changed.wait()


async def _either(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
