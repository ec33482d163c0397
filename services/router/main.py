"""Wiring of the router: the servers that it needs, then the work of each role that its settings name."""

import asyncio
import logging

import httpx

from connectors.catalogue import read_accounts
from libs.common import etcd, http, kafka, mongo, redis, storage_reading
from libs.common.installation import proven
from libs.common.process import run
from services.router.settings import Settings
from services.router.wiring import ROLES, Parts, Work

CONNECTIONS = httpx.Limits(max_connections=200, max_keepalive_connections=50)

log = logging.getLogger(__name__)


async def main(settings: Settings, stop: asyncio.Event) -> None:
    roles, accounts = settings.roles, read_accounts(settings.channels)
    for words in accounts.off:
        log.warning("%s", words)
    async with (
        mongo.connect(settings.mongo, settings.mongo_database, timeout_s=10, retry_writes=False) as database,
        redis.connect(settings.redis) as cache,
        etcd.connect(settings.etcd) as registry,
        kafka.connect(settings.kafka, settings.topic_prefix) as producer,
        httpx.AsyncClient(limits=CONNECTIONS, trust_env=False) as web,
        storage_reading.connect(settings.place) as objects,
    ):
        parts = Parts(settings, accounts, database, cache, registry, producer, web, objects)
        checks: dict[str, http.Check] = {
            "mongodb": lambda: mongo.check(database),
            "redis": lambda: redis.check(cache),
            "kafka": producer.check,
        }
        work = Work(http.create_app("Parley router", checks), checks)
        for role, wire in ROLES.items():
            if role in roles:
                wire(parts, work)
        work.checks.update({group: consumer.check for group, consumer in work.consumers.items()})
        async with http.serve(http.Edge(work.app), settings.host, settings.router_port):
            await proven(database, settings.installation_secret, stop)
            await _do(work, stop)


async def _do(work: Work, stop: asyncio.Event) -> None:
    """Until the consumers have drained what they hold."""
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(each(), name=name) for name, each in work.beside.items()]
        await asyncio.gather(*(consumer.run(stop) for consumer in work.consumers.values()))
        for task in background:
            task.cancel()


if __name__ == "__main__":
    loaded = Settings.load()
    run("router", loaded, lambda stop: main(loaded, stop))
