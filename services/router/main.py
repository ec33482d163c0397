"""Wiring of the router: two consumers, and beside them whoever opens external deliveries; one process."""

import asyncio

from libs.common import etcd, http, kafka, mongo, redis
from libs.common.conversations import Members
from libs.common.events import MESSAGE_EVENTS, RECEIPT_EVENTS, STORING
from libs.common.feed import FeedWriter
from libs.common.process import run
from services.router.directory import ChannelDirectory
from services.router.handlers import Deliveries, Heights, Messages, Receipts
from services.router.settings import Settings
from services.router.store import Store


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with (
        mongo.connect(settings.mongo, settings.mongo_database, timeout_s=10, retry_writes=False) as database,
        redis.connect(settings.redis) as cache,
        etcd.connect(settings.etcd) as registry,
        kafka.connect(settings.kafka, settings.topic_prefix) as producer,
    ):
        store, feed, directory = Store(database), FeedWriter(cache), ChannelDirectory(registry)
        deliveries = Deliveries(store, directory.addresses, feed, producer)
        parts = (store, Members(database), feed, producer, Heights())
        consumers = {
            group: kafka.Consumer(settings.kafka, group, topic, handler, producer, topic_prefix=settings.topic_prefix)
            for group, topic, handler in (
                (STORING, MESSAGE_EVENTS, Messages(*parts, deliveries)),
                ("router-receipts", RECEIPT_EVENTS, Receipts(*parts)),
            )
        }
        checks: dict[str, http.Check] = {group: consumer.check for group, consumer in consumers.items()}
        checks |= {
            "mongodb": lambda: mongo.check(database),
            "redis": lambda: redis.check(cache),
            "kafka": producer.check,
            "addresses": directory.check,
        }
        app = http.Edge(http.create_app("router", checks))
        async with http.serve(app, settings.host, settings.router_port), asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(directory.run()), tasks.create_task(deliveries.run())]
            await asyncio.gather(*(consumer.run(stop) for consumer in consumers.values()))
            for task in background:
                task.cancel()


if __name__ == "__main__":
    loaded = Settings.load()
    run("router", loaded, lambda stop: main(loaded, stop))
