"""What must reach the server whatever happens to connections: unsettled sends in order, and the furthest marks."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clients.parley.errors import ParleyError, ProblemError, SocketClosedError
from clients.parley.frames import Accepted, Receipt
from clients.parley.http import PASSING
from clients.parley.retry import backoff_s
from clients.parley.socket import ChatSocket, check_length

Mark = Literal["DELIVERED", "READ"]

MARKED = 10_000  # conversations whose marks are remembered until the server confirms them


@dataclass(eq=False)
class Unsettled:
    """A send without an answer yet; `is_waiting` while it has to be written (again)."""

    body: Mapping[str, Any]
    answer: asyncio.Future[Accepted] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    is_waiting: bool = True
    tries: int = 0


class Outbox:
    """Repeats sends under their ids, in the order of `post`, and marks, until the server has answered them."""

    def __init__(self) -> None:
        self._socket: ChatSocket | None = None
        self._end: ParleyError | None = None
        self._sends: dict[str, Unsettled] = {}
        self._marks: OrderedDict[tuple[Mark, str], int] = OrderedDict()
        self._again: asyncio.TimerHandle | None = None

    def post(self, body: Mapping[str, Any]) -> asyncio.Future[Accepted]:
        """Written now, behind those that wait; the answer may be that of a later connection."""
        check_length(body)
        if self._end is not None:
            raise self._end
        send = self._sends.setdefault(body["message_id"], Unsettled(body))
        if self._again is None:
            self._write_waiting()
        return send.answer

    def forget(self, message_id: str) -> None:
        """Nobody waits for the answer any more: it is not repeated."""
        self._sends.pop(message_id, None)

    def mark(self, kind: Mark, conversation_id: str, sequence_number: int) -> None:
        key = (kind, conversation_id)
        self._marks[key] = max(sequence_number, self._marks.get(key, 0))
        self._marks.move_to_end(key)
        if len(self._marks) > MARKED:
            self._marks.popitem(last=False)
        self._write_mark(key)

    def confirm(self, receipt: Receipt) -> None:
        """The server tells of a mark of this user."""
        kinds: tuple[Mark, ...] = ("DELIVERED", "READ") if receipt.status == "READ" else ("DELIVERED",)
        for kind in kinds:
            if self._marks.get((kind, receipt.conversation_id), 0) <= receipt.sequence_number:
                self._marks.pop((kind, receipt.conversation_id), None)

    def attach(self, socket: ChatSocket) -> None:
        """A connection is there: everything that has no answer yet is said on it."""
        self._socket = socket
        self._calm()
        for send in self._sends.values():
            send.is_waiting = True
        self._write_waiting()
        for key in self._marks:
            self._write_mark(key)

    def detach(self) -> None:
        self._socket = None
        self._calm()

    def fail(self, error: ParleyError) -> None:
        """No connection will come any more."""
        self.detach()
        self._end = self._end or error
        for send in self._sends.values():
            if not send.answer.done():
                send.answer.set_exception(error)

    def _calm(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _write_waiting(self) -> None:
        self._again = None
        for send in [s for s in self._sends.values() if s.is_waiting]:
            self._write(send)

    def _write(self, send: Unsettled) -> None:
        if self._socket is None or self._socket.closed is not None:
            return
        send.is_waiting = False
        send.tries += 1
        self._socket.post(send.body).add_done_callback(lambda answer: self._settle(send, answer))

    def _settle(self, send: Unsettled, answer: asyncio.Future[Accepted]) -> None:
        error = answer.exception() if not answer.cancelled() else asyncio.CancelledError()
        if isinstance(error, SocketClosedError | asyncio.CancelledError):
            return
        if isinstance(error, ProblemError) and error.status in PASSING:
            self._repeat_later(send)
            return
        self._sends.pop(send.body["message_id"], None)
        if send.answer.done():
            return
        if error is None:
            send.answer.set_result(answer.result())
        else:
            send.answer.set_exception(error)

    def _repeat_later(self, send: Unsettled) -> None:
        """One timer for all that the server could not take, so that they keep their order."""
        send.is_waiting = True
        if self._again is None and self._socket is not None:
            wait_s = backoff_s(send.tries, None, random.random())
            self._again = asyncio.get_running_loop().call_later(wait_s, self._write_waiting)

    def _write_mark(self, key: tuple[Mark, str]) -> None:
        if self._socket is None or self._socket.closed is not None:
            return
        kind, conversation_id = key
        (self._socket.ack if kind == "DELIVERED" else self._socket.read)(conversation_id, self._marks[key])
