"""A connection to Kafka that was reset is one that is gone, in the library's own words, whichever loop it is on."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest

from libs.common.kafka.connections import Connection

RESET = struct.pack("ii", 1, 0)
NO_VERSIONS = struct.pack(">hi", 0, 0)


@asynccontextmanager
async def broker_that_resets() -> AsyncIterator[int]:
    """Its port. It answers the first request, which asks for versions, and resets the connection at the next."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])
        answer = request[4:8] + NO_VERSIONS
        writer.write(struct.pack(">i", len(answer)) + answer)
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def asks_on(connection: Connection, answers: list[asyncio.Future[object]]) -> None:
    """One request each turn of the loop, so that one falls into the moment before the reader has noticed."""
    while True:
        answers.append(asyncio.ensure_future(connection.send(ApiVersionRequest())))
        await asyncio.sleep(0)


async def asks_until_it_is_told() -> None:
    answers: list[asyncio.Future[object]] = []
    async with broker_that_resets() as port:
        connection = await create_conn("127.0.0.1", port)
        assert isinstance(connection, Connection)  # by `libs.common.kafka` for all of the process
        with pytest.raises(KafkaConnectionError):
            await asks_on(connection, answers)
        ends = await asyncio.gather(*answers, return_exceptions=True)
    assert {type(end) for end in ends} == {KafkaConnectionError}


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_a_reset_connection_is_gone(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        for _ in range(5):
            runner.run(asks_until_it_is_told())
