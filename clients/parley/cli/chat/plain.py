"""A chat without a terminal: a line in is a text, a text is a line out; or JSON lines."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator

from clients.parley.cli import output
from clients.parley.cli.chat.room import Entry, Room
from clients.parley.cli.chat.talk import Talk
from clients.parley.cli.output import clean, clean_lines
from clients.parley.frames import Arrived, Receipt
from clients.parley.live import LiveEvent
from clients.parley.objects import Message

AHEAD = 100


class Plain:
    """Prints others' texts when they come, one's own when they are accepted."""

    def __init__(self, room: Room, *, as_json: bool) -> None:
        self._room = room
        self._as_json = as_json

    def old(self, entry: Entry, message: Message) -> None:
        """From the history, as if it came now."""
        if self._as_json:
            output.json_line(Arrived.of(message))
        else:
            self.show(entry)

    def new(self, entry: Entry) -> None:
        if entry.sender != self._room.me and not self._as_json:
            self.show(entry)

    def changed(self, event: LiveEvent | Entry) -> None:
        if isinstance(event, Entry):
            if not self._as_json:
                self.show(event)
        elif self._as_json and isinstance(event, Arrived | Receipt):
            output.json_line(event)

    def present(self) -> None:
        """Hints are for who looks at a screen."""

    def typing(self, username: str) -> None:
        """Nothing, as with presence."""

    def notice(self, words: str, *, for_s: float | None = None) -> None:
        if words:
            output.line((words, "dim"), stderr=True)

    def show(self, entry: Entry) -> None:
        head = f"{entry.at.astimezone():%H:%M:%S} "
        sender = clean(entry.sender)
        mark, style = self._room.tick(entry)
        word = " read" if mark and self._room.status_of(entry) == "READ" else ""
        fault = f"  {clean(entry.fault)}" if entry.fault else ""
        body = clean_lines(entry.text, " " * (len(head) + len(sender) + 2))
        output.line((head, "dim"), (sender, "bold"), f"  {body} ", (f"{mark}{word}", style), (fault, "red"))


async def chat(talk: Talk) -> None:
    """Until the input ends and everything is accepted; raises what ends the connection before."""
    listening = asyncio.create_task(talk.listen())
    speaking = asyncio.create_task(_speak(talk))
    try:
        done, _ = await asyncio.wait([listening, speaking], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        listening.cancel()
        speaking.cancel()
        await asyncio.gather(listening, speaking, return_exceptions=True)


async def _speak(talk: Talk) -> None:
    async with asyncio.TaskGroup() as sends:
        async for line in _lines():
            if line:
                sends.create_task(talk.say(line))


async def _lines() -> AsyncIterator[str]:
    """Lines of the standard input; its thread is left behind when nobody asks any more."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue(AHEAD)

    def read() -> None:
        for line in sys.stdin:
            asyncio.run_coroutine_threadsafe(lines.put(line.rstrip("\r\n")), loop).result()
        asyncio.run_coroutine_threadsafe(lines.put(None), loop).result()

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
