"""A TCP line to a real server that can be cut, and that can lose answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PATIENCE_S = 60.0


class Line:
    """`loses_answers_to`: a connection that asks for this is heard, obeyed, and never hears of it."""

    def __init__(self, port: int) -> None:
        self.is_cut = False
        self.loses_answers_to: bytes | None = None
        self._lost = asyncio.Event()
        self._port = port
        self._ends: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            end.close()

    async def lost(self) -> None:
        """Waits until an answer is lost: what was asked for is done."""
        async with asyncio.timeout(PATIENCE_S):
            await self._lost.wait()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.close()
            return
        answers, asks = await asyncio.open_connection("127.0.0.1", self._port)
        ends, deaf = {writer, asks}, asyncio.Event()
        self._ends |= ends
        if self.is_cut:  # meanwhile
            self.cut()
        await asyncio.gather(self._ask(reader, asks, deaf), self._answer(answers, writer, deaf), return_exceptions=True)
        self._ends -= ends

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if self.loses_answers_to is not None and self.loses_answers_to in data:
                deaf.set()
            writer.write(data)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if deaf.is_set():
                self._lost.set()
            else:
                writer.write(data)
        writer.close()


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[tuple[Line, int]]:
    """The line, and the port at its near end."""
    line = Line(port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    try:
        yield line, server.sockets[0].getsockname()[1]
    finally:
        line.cut()
        server.close()
        await server.wait_closed()
