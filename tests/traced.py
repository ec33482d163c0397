"""Frontend, router and presence as processes of a test's own, which tell a receiver what they do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from clients.parley import ChatSocket, ParleyClient
from conftest import Stack
from deploy.local.throwaway import spare_ports
from tests.conftest import Device, Person
from tests.processes import EACH, one_more

SERVICES = ("frontend", "router", "presence")


@dataclass(frozen=True)
class Platform:
    """Beside the stack, on its servers: with topics and a database of its own, the stack's users and its log-in.

    Its router has nothing to do with the stack's accounts on channels, which have no topics here.
    """

    url: str
    ws_url: str

    def client(self, person: Person) -> ParleyClient:
        """The same user, at this frontend."""
        return ParleyClient(self.url, access_token=person.client.access_token)

    @asynccontextmanager
    async def device(self, person: Person) -> AsyncIterator[Device]:
        """Of the same user, at this node; what it reads it acknowledges."""
        async with ChatSocket(self.ws_url, person.client.access_token or "") as opened:
            device = Device(opened, acknowledges=True)
            await device.caught_up()
            yield device
            await device.close()


@asynccontextmanager
async def platform(stack: Stack, topic_prefix: str, database: str, **told: str) -> AsyncIterator[Platform]:
    """`told` are settings without their PARLEY_, in lower case."""
    told |= {"topic_prefix": topic_prefix, "mongo_database": database, "router_roles": "messages,receipts"}
    async with AsyncExitStack() as running:
        ports = spare_ports(stack.base, EACH * len(SERVICES))
        services = {
            name: await running.enter_async_context(one_more(stack, name, ports[EACH * n : EACH * n + EACH], **told))
            for n, name in enumerate(SERVICES)
        }
        for service in services.values():
            await service.is_ready()
        yield Platform(services["frontend"].url, services["presence"].ws_url)
