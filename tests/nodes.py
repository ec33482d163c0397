"""A second node of presence beside the stack's own: the same servers, other ports."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from conftest import Stack
from tests.processes import Service, one_more


@dataclass(frozen=True)
class Node:
    """`url` is where its sockets are reached, past the gateway."""

    url: str
    service: Service

    def kill(self) -> None:
        self.service.tell(signal.SIGKILL)

    def stop(self) -> None:
        """As for a restart."""
        self.service.tell(signal.SIGTERM)


@asynccontextmanager
async def another_node(stack: Stack, life_s: float = 45) -> AsyncIterator[Node]:
    """Inside the block it is ready. For `life_s` its users stay online when it dies."""
    async with one_more(stack, "presence", presence_life_s=str(life_s)) as service:
        await service.is_ready()
        yield Node(service.ws_url, service)
