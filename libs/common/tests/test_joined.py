"""An answer's head and body leave in one write, also where the connection ends with them."""

import asyncio
from typing import cast

from libs.common.http.server import Joined


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def joined(wire: Wire) -> Joined:
    return Joined(cast(asyncio.Transport, wire), asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_of_the_loop_leaves_together() -> None:
    wire = Wire()
    transport = joined(wire)
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.written == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.written == [b"head body", b"next"]


async def test_closing_writes_what_is_left_first() -> None:
    wire = Wire()
    transport = joined(wire)
    transport.write(b"last")
    transport.close()
    assert (wire.written, wire.is_closed, transport.is_closing()) == ([b"last"], True, True)
    await asyncio.sleep(0)
    assert wire.written == [b"last"]
