"""A user who writes: single requests, batches, and several sends at once on the socket, until each is accepted."""

import asyncio
import itertools
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.http import Answer
from tests.ledger.device import Device, Frame
from tests.ledger.gateway import AGAIN_S, Caller, Json, decoded
from tests.ledger.history import History, Sent, Way

LATER = (429, 502, 503, 504)
SOCKET_S = 10.0
MOST = {"http": 1, "batch": 10, "socket": 5}
SHARES: Mapping[Way, float] = {"http": 0.5, "batch": 0.2, "socket": 0.3}
PER_TURN = sum(share * (1 + MOST[way]) / 2 for way, share in SHARES.items())
GIVES_UP = 0.1
_orders = itertools.count()


@dataclass
class Sender:
    """`turns` a second on average; each is one request, one batch, or a few sends at once."""

    history: History
    device: Device
    caller: Caller
    conversations: Sequence[int]
    chance: random.Random

    async def run(self, turns: float, stop: asyncio.Event) -> None:
        due = time.monotonic()
        while not stop.is_set():
            due += self.chance.expovariate(turns)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - 1)  # what an outage held up is not made up for at once
            await self._turn()

    async def _turn(self) -> None:
        way = self.chance.choices(list(SHARES), list(SHARES.values()))[0]
        conversation = self.chance.choice(self.conversations)
        count = self.chance.randint(1, MOST[way])
        if way == "socket":
            await self._by_socket(conversation, count)
        elif way == "batch":
            await self._by_batch(self._write(conversation, way, count))
        else:
            await self._by_http(self._write(conversation, way, 1))

    def _write(self, conversation: int, way: Way, count: int) -> list[int]:
        first, order, now = len(self.history.sent), next(_orders), time.monotonic_ns()
        self.history.sent += [Sent(conversation, self.device.user, way, order, now) for _ in range(count)]
        return list(range(first, first + count))

    def _body(self, message: int) -> Json:
        return {
            "message_id": self.history.message_id(message),
            "conversation_id": self.history.conversations[self.history.sent[message].conversation],
            "payload": {"type": "text", "text": self.history.text(message)},
        }

    async def _by_http(self, messages: Sequence[int]) -> None:
        """One after the other, each until it is accepted; some give up when they are refused."""
        for message in messages:
            while (answer := await self._ask("/v1/messages", self._body(message))) is None or answer.status != 202:
                if answer is not None and not await self._may_go_on([message], answer):
                    break
                await self._pause([message])
            else:
                self._accept(message)

    async def _by_batch(self, messages: Sequence[int]) -> None:
        left = list(messages)
        while left:
            answer = await self._ask("/v1/messages/batch", {"messages": [self._body(m) for m in left]})
            if answer is not None and answer.status == 202:
                left = self._accept_items(left, decoded(answer)["items"])
            elif answer is not None and not await self._may_go_on(left, answer):
                return
            if left:
                await self._pause(left)

    def _accept_items(self, messages: Sequence[int], items: Sequence[Json]) -> list[int]:
        """Those that were not accepted."""
        left = []
        for message, item in zip(messages, items, strict=True):
            if "problem" not in item:
                self._accept(message)
                continue
            if item["problem"]["status"] not in LATER:
                self.history.surprises.append(f"an item of a batch was refused: {item['problem']}")
            else:
                self.history.sent[message].refused += 1
                left.append(message)
        return left

    async def _by_socket(self, conversation: int, count: int) -> None:
        """All at once on the line of the moment; what is not accepted there goes on by HTTP."""
        line = self.device.line
        if line is None or line.is_over or not line.record.caught_up:
            await self._by_http(self._write(conversation, "http", 1))
            return
        messages = self._write(conversation, "socket", count)
        answers: list[asyncio.Future[Frame]] = []
        for message in messages:
            answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
            line.answers[str(message)] = answer
            answers.append(answer)
            answer.add_done_callback(partial(self._on_answer, message))
            if not line.say({"type": "send", "ref": str(message), **self._body(message)}):
                answer.cancel()
        await asyncio.wait(answers, timeout=SOCKET_S)
        left = [m for m in messages if not self.history.sent[m].accepted]
        for message in left:
            line.answers.pop(str(message), None)
            self.history.sent[message].attempts += 1
        await self._by_http(left)

    def _on_answer(self, message: int, done: "asyncio.Future[Frame]") -> None:
        if done.cancelled():
            return
        frame = done.result()
        if frame.type == "accepted":
            self._accept(message)
        elif frame.problem.get("status") not in LATER:
            self.history.surprises.append(f"a send was rejected: {frame.problem}")
        else:
            self.history.sent[message].refused += 1

    async def _ask(self, path: str, body: object) -> Answer | None:
        """None where the line broke, so that nobody knows."""
        try:
            return await self.caller.ask("POST", path, body)
        except ConnectionError:
            return None

    async def _may_go_on(self, messages: Sequence[int], answer: Answer) -> bool:
        """Whether the sender tries again what was refused for now."""
        for message in messages:
            self.history.sent[message].refused += 1
        if answer.status not in LATER:
            self.history.surprises.append(f"{answer.status}: {answer.body[:300]!r}")
            return False
        return self.chance.random() > GIVES_UP

    async def _pause(self, messages: Sequence[int]) -> None:
        for message in messages:
            self.history.sent[message].attempts += 1
        await asyncio.sleep(AGAIN_S * self.chance.uniform(0.5, 1.5))

    def _accept(self, message: int) -> None:
        sent = self.history.sent[message]
        sent.accepted = sent.accepted or time.monotonic_ns()
