"""The live side of one user across cuts, restarts and expired tokens: each message once and in order."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from clients.parley.errors import ParleyError, SessionEndedError, SocketClosedError, UnreachableError
from clients.parley.frames import Accepted, Arrived, Event, Receipt
from clients.parley.mailbox import Mailbox
from clients.parley.objects import message_body
from clients.parley.outbox import Outbox
from clients.parley.retry import Step, Tries, reconnect_s
from clients.parley.socket import ChatSocket
from clients.parley.wire import NORMAL, Resume

if TYPE_CHECKING:
    from clients.parley.client import ParleyClient

UNSETTLED = 100  # what the server takes from one connection at once
KNOWN = 10_000
PAGE = 200


class Interrupted(Struct, frozen=True):
    """The connection is gone, for `cause`; the next attempt begins in `wait_s`. A `Ready` tells of its success."""

    cause: str
    wait_s: float
    code: int | None = None


LiveEvent: TypeAlias = Event | Interrupted


class LiveChat:
    """Like `ChatSocket`, and it comes back: iterate for events, call `send`, `ack` and `read` meanwhile.

        async with client.live() as live:
            async for event in live:
                if isinstance(event, Arrived):
                    live.ack(event.conversation_id, event.sequence_number)

    When the connection goes, it is made anew after a jittered wait, resumes where it stood, repeats sends that have
    no answer under their ids and in their order, and says acknowledgements again. Messages are given once and in
    order in each conversation: repeats are dropped, and what a resume could not prove is read from the history.
    `known` says up to which number the application has a conversation from before.
    At most `buffer` events are held: who does not take them stops the connection, and in the end its sends.

    Entering raises what a first connection meets within `deadline_s`. The iteration ends when `close` was called; it
    raises `SessionEndedError` when only logging in helps, another `ParleyError` when the server wants no connection,
    or none was possible for `patience_s`."""

    def __init__(
        self,
        client: "ParleyClient",
        *,
        known: Mapping[str, int] | None = None,
        buffer: int = 1000,
        deadline_s: float = 30.0,
        patience_s: float = 3600.0,
    ) -> None:
        self._client = client
        self._deadline_s = deadline_s
        self._patience_s = patience_s
        self._events: Mailbox[LiveEvent] = Mailbox(buffer)
        self._outbox = Outbox()
        self._room = asyncio.Semaphore(UNSETTLED)
        self._given: OrderedDict[str, int] = OrderedDict(known or {})
        self._position: Resume | None = None
        self._socket: ChatSocket | None = None
        self._token: str | None = None
        self._first: asyncio.Future[None] | None = None
        self._life: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    async def __aenter__(self) -> "LiveChat":
        self._first = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live())
        try:
            async with asyncio.timeout(self._deadline_s):
                await asyncio.shield(self._first)
        except TimeoutError as error:
            await self.close()
            raise UnreachableError(f"{self._client.url} gave no socket in {self._deadline_s:g} s") from error
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Say good-bye; sends without an answer raise `SocketClosedError`."""
        self._events.close()
        self._outbox.fail(SocketClosedError(NORMAL))
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
        while (event := await self._events.take()) is not None:
            yield event

    async def receive(self, deadline_s: float) -> LiveEvent:
        """The next event; raises `TimeoutError` after `deadline_s`, and at the end what the iteration raises."""
        async with asyncio.timeout(deadline_s):
            event = await self._events.take()
        if event is None:
            raise SocketClosedError(NORMAL)
        return event

    async def send(
        self,
        conversation_id: str,
        text: str | None = None,
        *,
        payload: Mapping[str, Any] | None = None,
        message_id: str | None = None,
        deadline_s: float | None = None,
        **fields: Any,
    ) -> Accepted:
        """Like `ParleyClient.send`, in the order of these calls, across connections.

        Raises `ProblemError` (refused) or `UnreachableError` (no answer within `deadline_s`, that of the chat unless
        given: it may have arrived; the same `message_id` makes another try safe)."""
        body = message_body(conversation_id, text, payload, message_id, fields)
        wait_s = self._deadline_s if deadline_s is None else deadline_s
        try:
            async with asyncio.timeout(wait_s), self._room:
                return await self._outbox.post(body)
        except TimeoutError as error:
            raise UnreachableError(f"no answer to a send within {wait_s:g} s") from error
        finally:
            self._outbox.forget(body["message_id"])

    def ack(self, conversation_id: str, sequence_number: int) -> None:
        """This device has everything up to `sequence_number`: DELIVERED."""
        self._outbox.mark("DELIVERED", conversation_id, sequence_number)

    def read(self, conversation_id: str, sequence_number: int) -> None:
        """The user has read everything up to `sequence_number`: READ."""
        self._outbox.mark("READ", conversation_id, sequence_number)

    def typing(self, conversation_id: str) -> None:
        """Shown to the others for 5 s; nothing while there is no connection."""
        if self._socket is not None and self._socket.closed is None:
            self._socket.typing(conversation_id)

    def cut(self) -> None:
        """Break the connection without a good-bye, as a lost network would: to show and test what follows."""
        if self._socket is not None:
            self._socket.abort()

    # The life of the connection

    async def _live(self) -> None:
        try:
            await self._stay_connected()
        except ParleyError as error:
            self._outbox.fail(error)
            self._events.close(error)
            if self._first is not None and not self._first.done():
                self._first.set_exception(error)

    async def _stay_connected(self) -> None:
        tries = Tries(self._patience_s, time.monotonic())
        while True:
            try:
                await self._connect(tries)
            except ParleyError as error:
                step = tries.lost(error, time.monotonic())
                if step is Step.STOP:
                    raise
                if step is Step.RENEW:
                    await self._renew(tries, error)
                await self._pause(error, tries.count)

    async def _connect(self, tries: Tries) -> None:
        """One connection, for as long as it lasts; always ends with the error that ended it."""
        self._token = await self._client.session.token()
        if self._token is None:
            raise SessionEndedError.logged_out()
        async with self._client.socket(resume=self._position) as socket:
            tries.ready(time.monotonic())
            self._socket = socket
            self._outbox.attach(socket)
            try:
                await self._serve(socket)
            finally:
                self._socket = None
                self._outbox.detach()
        raise SocketClosedError(NORMAL)

    async def _renew(self, tries: Tries, cause: ParleyError) -> None:
        """A failure to ask leaves things as they are: the next connection asks again."""
        try:
            token = await self._client.session.renew(self._token or "")
        except SessionEndedError:
            raise
        except ParleyError:
            return
        if token is None:
            raise cause
        tries.has_renewed = True

    async def _pause(self, error: ParleyError, attempt: int) -> None:
        wait_s = reconnect_s(attempt, getattr(error, "retry_after_s", None), random.random())
        if self._first is not None and self._first.done():
            await self._events.put(Interrupted(str(error), wait_s, getattr(error, "code", None)))
        await asyncio.sleep(wait_s)

    async def _serve(self, socket: ChatSocket) -> None:
        ready = socket.ready
        if ready is None:
            raise AssertionError("an entered socket is ready")
        await self._events.put(ready)
        if self._first is not None and not self._first.done():
            self._first.set_result(None)
        if self._given and not ready.recovered:
            await self._fill_in()
        async for event in socket:
            await self._give(event, ready.username)
            self._position = socket.position or self._position

    # What the application is given

    async def _give(self, event: Event, username: str) -> None:
        if isinstance(event, Arrived):
            await self._give_message(event)
            return
        if isinstance(event, Receipt) and event.username == username:
            self._outbox.confirm(event)
        await self._events.put(event)

    async def _give_message(self, message: Arrived) -> None:
        last = self._given.get(message.conversation_id)
        if last is not None and message.sequence_number <= last:
            return
        if last is not None and message.sequence_number > last + 1:
            await self._fill(message.conversation_id, last, message.sequence_number)
        await self._put(message)

    async def _put(self, message: Arrived) -> None:
        await self._events.put(message)
        self._given[message.conversation_id] = message.sequence_number
        self._given.move_to_end(message.conversation_id)
        if len(self._given) > KNOWN:
            self._given.popitem(last=False)

    async def _fill_in(self) -> None:
        """What came to known conversations meanwhile, also what another device of the user has acknowledged."""
        wanted = set(self._given)
        async for conversation in self._client.each_conversation(page=PAGE):
            if not wanted:
                return
            if conversation.conversation_id in wanted:
                wanted.remove(conversation.conversation_id)
                last = self._given[conversation.conversation_id]
                if conversation.last_sequence > last:
                    await self._fill(conversation.conversation_id, last, conversation.last_sequence + 1)

    async def _fill(self, conversation_id: str, last: int, below: int) -> None:
        async for message in self._client.each_message(conversation_id, since=last, page=min(PAGE, below - last)):
            if message.sequence_number >= below:
                return
            await self._put(Arrived.of(message))
