"""Connections of the Kafka library on uvloop, whose word for one that is gone the library does not know."""

from typing import Any

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError


class Connection(AIOKafkaConnection):  # type: ignore[misc]
    """Raises `KafkaConnectionError` where it has been reset and its reader has not noticed yet.

    There uvloop raises `RuntimeError`, and asyncio nothing. It would end the library's task that keeps a client's
    metadata up to date: without that no coordinator is found any more, and the client never commits or fetches again.
    """

    def send(self, request: Any, expect_response: bool = True) -> Any:
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
            raise KafkaConnectionError(f"connection to {self.host}:{self.port} is gone: {error}") from error


def know_uvloop() -> None:
    """From now on all clients of this process connect so."""
    conn.AIOKafkaConnection = Connection
