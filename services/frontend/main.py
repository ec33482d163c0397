"""The frontend's wiring, from the stores to the port."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial

from libs.common import etcd, http, jwks, kafka, mongo, redis
from libs.common.accept import Acceptor, BatchAcceptor
from libs.common.auth import TokenVerifier
from libs.common.board import Account, read_open_breakers
from libs.common.bus import Progress, Publisher
from libs.common.configured import Configured
from libs.common.contacts import read_contacts
from libs.common.conversations import Members
from libs.common.directory import ChannelDirectory
from libs.common.events import MESSAGE_EVENTS, STORING
from libs.common.files import Files
from libs.common.people import addresses_of
from libs.common.process import run, wait_for
from libs.common.revocations import Revocations
from services.frontend.handlers import STATUS_WAIT_S, Conversations, Messages
from services.frontend.planning import Planning
from services.frontend.reaching import Reaching
from services.frontend.routes.asking import channel_routes, conversation_routes, message_routes
from services.frontend.routes.sending import accept_route, batch_route, plan_route
from services.frontend.settings import Settings
from services.frontend.store import ConversationStore, MessageStore, UserDirectory


def wire(
    database: mongo.Database,
    registry: etcd.Etcd,
    publisher: Publisher,
    progress: Progress,
    verifier: TokenVerifier,
    configured: Configured,
    directory: ChannelDirectory,
    open_breakers: Callable[[], Awaitable[Collection[Account]]],
    checks: Mapping[str, http.Check],
    status_wait_s: float = STATUS_WAIT_S,
) -> http.Edge:
    members = Members(database)
    acceptor = Acceptor(members, Files(database), publisher.publish, f"frontend/{socket.gethostname()}/{os.getpid()}")
    messages = MessageStore(database)
    people = partial(addresses_of, database)
    known = (people, partial(read_contacts, database), configured.for_people)
    reaching = Reaching(directory.addresses, configured.accounts, *known)
    conversations = Conversations(ConversationStore(database), messages, UserDirectory(registry.present), reaching)
    app = http.create_app("Parley frontend", checks)
    app.state.verifier = verifier
    app.include_router(conversation_routes(conversations, acceptor))
    app.include_router(message_routes(Messages(messages, members, acceptor, progress, wait_s=status_wait_s)))
    app.include_router(channel_routes(configured.channels))
    fast: dict[tuple[str, str], http.FastRoute] = {
        ("POST", "/v1/messages"): accept_route(verifier, acceptor),
        ("POST", "/v1/messages/plan"): plan_route(verifier, Planning(acceptor, reaching, open_breakers)),
        ("POST", "/v1/messages/batch"): batch_route(verifier, BatchAcceptor(acceptor, members, publisher.publish_each)),
    }
    return http.Edge(app, fast)


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with (
        mongo.connect(settings.mongo, settings.mongo_database) as database,
        etcd.connect(settings.etcd) as registry,
        redis.connect(settings.redis) as cache,
        jwks.client(settings.auth_url) as client,
        kafka.connect(settings.kafka, settings.topic_prefix, window_s=kafka.WINDOW_S) as producer,
        kafka.follow(settings.kafka, STORING, MESSAGE_EVENTS, settings.topic_prefix) as progress,
        asyncio.TaskGroup() as tasks,
    ):
        verifier = TokenVerifier(f"{settings.auth_url}/.well-known/jwks.json", client)
        configured, directory = Configured(registry), ChannelDirectory(registry)
        running = (Revocations(registry, verifier), verifier, configured, directory)
        background = [tasks.create_task(each.run()) for each in running]
        open_breakers = partial(read_open_breakers, cache, settings.topic_prefix)
        checks: dict[str, http.Check] = {
            "MongoDB": lambda: mongo.check(database),
            "etcd": registry.check,
            "Kafka": producer.check,
            "auth": verifier.check,
        }
        edge = wire(database, registry, producer, progress, verifier, configured, directory, open_breakers, checks)
        async with http.serve(edge, settings.host, settings.frontend_port):
            for what, check in checks.items():
                await wait_for(what, check, stop)
            await stop.wait()
        for task in background:
            task.cancel()


if __name__ == "__main__":
    settings = Settings.load()
    run("frontend", settings, lambda stop: main(settings, stop))
