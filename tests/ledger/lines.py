"""TCP lines between the services and their stores, in a process of their own, which can be stopped and slowed down.

`python -m tests.ledger.lines NAME=PORT:TARGET …` carries until its standard input ends; there it is told, a line each,
`cut NAME` (nothing passes, nothing is closed, as when a cable is out), `slow NAME SECONDS` (each way), `heal NAME`.
"""

import asyncio
import sys
from dataclasses import dataclass, field

import uvloop

CHUNK = 256 * 1024


@dataclass
class Line:
    target: int
    delay_s: float = 0.0
    flows: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.flows.set()

    def obey(self, order: str, *values: str) -> None:
        self.delay_s = float(values[0]) if order == "slow" else 0.0
        if order == "cut":
            self.flows.clear()
        else:
            self.flows.set()

    async def carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        await self.flows.wait()
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            back.transport.abort()
            return
        await asyncio.gather(self._pump(near, forth), self._pump(far, back))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """What comes within a delay waits together, so that slow means late and not narrow."""
        try:
            while data := await source.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self.flows.wait()
                sink.write(data)
                await sink.drain()
        except (OSError, RuntimeError):  # uvloop's word for a connection that is closed
            pass
        finally:
            sink.close()


async def main(arguments: list[str]) -> None:
    lines: dict[str, Line] = {}
    for argument in arguments:
        name, _, where = argument.partition("=")
        port, _, target = where.partition(":")
        lines[name] = Line(int(target))
        await asyncio.start_server(lines[name].carry, "127.0.0.1", int(port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while order := await asyncio.to_thread(sys.stdin.readline):
        word, name, *values = order.split()
        lines[name].obey(word, *values)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
