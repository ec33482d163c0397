"""Wiring of presence: sockets on one port, HTTP on another."""

import asyncio
from collections.abc import Mapping

from libs.common import etcd, http, jwks, kafka, mongo, redis
from libs.common.accept import Acceptor
from libs.common.auth import TokenVerifier
from libs.common.clock import new_id
from libs.common.conversations import Members
from libs.common.files import Files
from libs.common.process import run
from libs.common.revocations import Revocations
from services.presence import socket
from services.presence.announcements import Announcements
from services.presence.handlers.announcer import Announcer
from services.presence.handlers.node import Node
from services.presence.handlers.presence import STOPPING_S, Presenter
from services.presence.handlers.typing import Typing
from services.presence.routes import presence_routes
from services.presence.settings import Settings
from services.presence.store.feeds import Feeds
from services.presence.store.hints import Hints
from services.presence.store.inbox import Inbox
from services.presence.store.people import People
from services.presence.store.presences import Presences


def wire(verifier: TokenVerifier, people: People, presences: Presences, checks: Mapping[str, http.Check]) -> http.Edge:
    app = http.create_app("Parley presence", checks)
    app.state.verifier = verifier
    app.include_router(presence_routes(people.known_to, presences.look))
    return http.Edge(app)


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with (
        mongo.connect(settings.mongo, settings.mongo_database) as database,
        redis.connect(settings.redis) as cache,
        redis.connect(settings.redis, connections=4) as hinting,
        etcd.connect(settings.etcd) as registry,
        kafka.connect(settings.kafka, settings.topic_prefix, window_s=kafka.WINDOW_S) as producer,
        jwks.client(settings.auth_url) as client,
        asyncio.TaskGroup() as tasks,
    ):
        verifier = TokenVerifier(f"{settings.auth_url}/.well-known/jwks.json", client)
        acceptor = Acceptor(Members(database), Files(database), producer.publish, "/parley/presence")
        announcements = Announcements(settings.redis)
        node = Node(Feeds(cache), Inbox(database), announcements)
        hints = Hints(hinting)
        people, presences = People(database), Presences(cache, new_id())
        announcer = Announcer(producer.publish_each, people.near, hints)
        presenter = Presenter(presences, announcer.on_changes, settings.presence_life_s)
        sockets = socket.Sockets(
            node, acceptor, verifier, Typing(acceptor.membership, hints), presenter, settings.allowed_origins
        )
        background = [
            tasks.create_task(Revocations(registry, verifier, sockets.end_session).run()),
            tasks.create_task(verifier.run()),
            tasks.create_task(announcements.run(node.on_announcement, node.on_reconnected)),
            tasks.create_task(node.keep_feeds()),
            tasks.create_task(announcer.run()),
            tasks.create_task(presenter.run()),
        ]
        checks: dict[str, http.Check] = {
            "mongodb": lambda: mongo.check(database),
            "redis": lambda: redis.check(cache),
            "etcd": registry.check,
            "kafka": producer.check,
            "auth": verifier.check,
        }
        async with (
            http.serve(wire(verifier, people, presences, checks), settings.host, settings.presence_port),
            socket.serve(sockets, settings.host, settings.presence_ws_port),
        ):
            await stop.wait()
            presenter.leaving_s = STOPPING_S
        for task in background:
            task.cancel()
        await asyncio.wait(background)
        await presenter.stop()


if __name__ == "__main__":
    loaded = Settings.load()
    run("presence", loaded, lambda stop: main(loaded, stop))
