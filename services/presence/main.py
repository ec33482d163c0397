"""Wiring of presence: sockets on one port, health and metrics on another."""

import asyncio

import httpx

from libs.common import etcd, http, kafka, mongo, redis
from libs.common.accept import Acceptor
from libs.common.auth import TokenVerifier
from libs.common.conversations import Members
from libs.common.process import run
from libs.common.revocations import Revocations
from services.presence import socket
from services.presence.announcements import Announcements
from services.presence.handlers.node import Node
from services.presence.handlers.typing import Typing
from services.presence.settings import Settings
from services.presence.store.feeds import Feeds
from services.presence.store.hints import Hints
from services.presence.store.inbox import Inbox


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with (
        mongo.connect(settings.mongo, settings.mongo_database) as database,
        redis.connect(settings.redis) as cache,
        redis.connect(settings.redis, connections=4) as hinting,
        etcd.connect(settings.etcd) as registry,
        kafka.connect(settings.kafka, settings.topic_prefix) as producer,
        httpx.AsyncClient() as client,
        asyncio.TaskGroup() as tasks,
    ):
        verifier = TokenVerifier(f"{settings.auth_url}/.well-known/jwks.json", client)
        acceptor = Acceptor(Members(database), producer.publish, "/parley/presence")
        announcements = Announcements(settings.redis)
        node = Node(Feeds(cache), Inbox(database), announcements)
        typing = Typing(acceptor.membership, Hints(hinting))
        sockets = socket.Sockets(node, acceptor, verifier, typing, settings.allowed_origins)
        background = [
            tasks.create_task(Revocations(registry, verifier, sockets.end_session).run()),
            tasks.create_task(verifier.run()),
            tasks.create_task(announcements.run(node.on_announcement, node.on_reconnected)),
            tasks.create_task(node.keep_feeds()),
        ]
        checks: dict[str, http.Check] = {
            "mongodb": lambda: mongo.check(database),
            "redis": lambda: redis.check(cache),
            "etcd": registry.check,
            "kafka": producer.check,
            "auth": verifier.check,
        }
        app = http.Edge(http.create_app("presence", checks))
        async with (
            http.serve(app, settings.host, settings.presence_port),
            socket.serve(sockets, settings.host, settings.presence_ws_port),
        ):
            await stop.wait()
        for task in background:
            task.cancel()


if __name__ == "__main__":
    loaded = Settings.load()
    run("presence", loaded, lambda stop: main(loaded, stop))
