"""Wiring of the router: two consumers, one process."""

import asyncio

from libs.common import http, kafka, mongo, redis
from libs.common.conversations import Members
from libs.common.events import MESSAGE_EVENTS, RECEIPT_EVENTS
from libs.common.feed import FeedWriter
from libs.common.process import run
from services.router.handlers import Heights, Messages, Receipts
from services.router.settings import Settings
from services.router.store import Store


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with (
        mongo.connect(settings.mongo, settings.mongo_database, timeout_s=10) as database,
        redis.connect(settings.redis) as cache,
        kafka.connect(settings.kafka, settings.topic_prefix) as producer,
    ):
        parts = (Store(database), Members(database), FeedWriter(cache), producer, Heights())
        consumers = {
            group: kafka.Consumer(settings.kafka, group, topic, handler, producer, topic_prefix=settings.topic_prefix)
            for group, topic, handler in (
                ("router-messages", MESSAGE_EVENTS, Messages(*parts)),
                ("router-receipts", RECEIPT_EVENTS, Receipts(*parts)),
            )
        }
        checks: dict[str, http.Check] = {group: consumer.check for group, consumer in consumers.items()}
        checks |= {
            "mongodb": lambda: mongo.check(database),
            "redis": lambda: redis.check(cache),
            "kafka": producer.check,
        }
        app = http.Edge(http.create_app("router", checks))
        async with http.serve(app, settings.host, settings.router_port), asyncio.TaskGroup() as tasks:
            for consumer in consumers.values():
                tasks.create_task(consumer.run(stop))


if __name__ == "__main__":
    loaded = Settings.load()
    run("router", loaded, lambda stop: main(loaded, stop))
