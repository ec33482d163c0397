"""The frontend's wiring, from the stores to the port."""

import asyncio
import os
import socket
from collections.abc import Mapping

import httpx

from libs.common import etcd, http, kafka, mongo
from libs.common.accept import Acceptor, BatchAcceptor
from libs.common.auth import TokenVerifier
from libs.common.bus import Progress, Publisher
from libs.common.conversations import Members
from libs.common.events import MESSAGE_EVENTS, STORING
from libs.common.process import run, wait_for
from libs.common.revocations import Revocations
from services.frontend.handlers import Conversations, Messages
from services.frontend.routes import accept_route, batch_route, conversation_routes, message_routes
from services.frontend.settings import Settings
from services.frontend.store import ConversationStore, MessageStore, UserDirectory


def wire(
    database: mongo.Database,
    registry: etcd.Etcd,
    publisher: Publisher,
    progress: Progress,
    verifier: TokenVerifier,
    checks: Mapping[str, http.Check],
) -> http.Edge:
    members = Members(database)
    acceptor = Acceptor(members, publisher.publish, f"frontend/{socket.gethostname()}/{os.getpid()}")
    messages = MessageStore(database)
    conversations = Conversations(ConversationStore(database), messages, UserDirectory(registry.present))
    app = http.create_app("Parley frontend", checks)
    app.state.verifier = verifier
    app.include_router(conversation_routes(conversations, acceptor))
    app.include_router(message_routes(Messages(messages, members, acceptor, progress)))
    fast: dict[tuple[str, str], http.FastRoute] = {
        ("POST", "/v1/messages"): accept_route(verifier, acceptor),
        ("POST", "/v1/messages/batch"): batch_route(verifier, BatchAcceptor(acceptor, members, publisher.publish_each)),
    }
    return http.Edge(app, fast)


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with (
        mongo.connect(settings.mongo, settings.mongo_database) as database,
        etcd.connect(settings.etcd) as registry,
        httpx.AsyncClient() as client,
        kafka.connect(settings.kafka, settings.topic_prefix, window_s=kafka.WINDOW_S) as producer,
        kafka.follow(settings.kafka, STORING, MESSAGE_EVENTS, settings.topic_prefix) as progress,
        asyncio.TaskGroup() as tasks,
    ):
        verifier = TokenVerifier(f"{settings.auth_url}/.well-known/jwks.json", client)
        background = [tasks.create_task(each.run()) for each in (Revocations(registry, verifier), verifier)]
        checks: dict[str, http.Check] = {
            "MongoDB": lambda: mongo.check(database),
            "etcd": registry.check,
            "Kafka": producer.check,
            "auth": verifier.check,
        }
        edge = wire(database, registry, producer, progress, verifier, checks)
        async with http.serve(edge, settings.host, settings.frontend_port):
            for what, check in checks.items():
                await wait_for(what, check, stop)
            await stop.wait()
        for task in background:
            task.cancel()


if __name__ == "__main__":
    settings = Settings.load()
    run("frontend", settings, lambda stop: main(settings, stop))
