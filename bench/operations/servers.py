"""The servers' own counters, read at one moment: whoever reads twice sees what was done between."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from bench.operations.topics import Held, held
from clients.parley.settings import read_settings

Counts = Counter[str]
"""Name → how often, or how many bytes, since a server started."""

SERVICES = ("auth", "frontend", "router", "presence")
GROUPS = {"router-messages": "message.events", "router-receipts": "receipt.events"}
TOPICS = ("message.events", "receipt.events", "status.events")
OFFSETS = "__consumer_offsets"
COMMITS = "Kafka commits beyond one a second"
SCRIPTS = ("evalsha", "eval", "fcall")
OF_THE_READER = {"serverStatus", "hello", "isMaster", "ping", "info"}  # and of whoever asks whether a server is there
COMMITTED_S = 60.0
POLL_S = 0.05

_requests = re.compile(r'^parley_http_requests_total\{.*route="(?!/metrics|/health)[^"]*".*\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Servers:
    """Of one running platform on this machine."""

    mongo: AsyncMongoClient[dict[str, Any]]
    redis: Redis
    http: httpx.AsyncClient
    consumer: Any
    admin: Any
    topics: Path
    ports: Mapping[str, str]

    async def look(self) -> Counts:
        """All counters now. Reading them costs the servers something, each time the same: so one after the other."""
        of_http = {service: await self._requests(service) for service in SERVICES}
        topics = await asyncio.to_thread(held, self.topics)
        status = await self.mongo.admin.command("serverStatus")
        commands, stats = [await self.redis.info(section) for section in ("commandstats", "stats")]
        frontend = of_http.pop("frontend")
        return Counter(
            {"HTTP requests to frontend": frontend, "HTTP requests to the others": sum(of_http.values())}
            | of_kafka(topics)
            | of_mongo(status)
            | of_redis(commands, stats)
        )

    async def committed(self) -> None:
        """Returns when the router has handled and committed all that was published: then nothing is left to do."""
        async with asyncio.timeout(COMMITTED_S):
            for group, topic in GROUPS.items():
                while True:
                    if await self._has_committed(group, topic):
                        break
                    await asyncio.sleep(POLL_S)

    async def _has_committed(self, group: str, topic: str) -> bool:
        [told] = await self.admin.describe_topics([topic])
        partitions = [TopicPartition(topic, one["partition"]) for one in told["partitions"]]
        first, ends = await asyncio.gather(
            self.consumer.beginning_offsets(partitions), self.consumer.end_offsets(partitions)
        )
        done = await self.admin.list_consumer_group_offsets(group, partitions=partitions)
        return all(done[at].offset >= end for at, end in ends.items() if end > first[at])

    async def _requests(self, service: str) -> int:
        answer = await self.http.get(f"http://127.0.0.1:{self.ports[service]}/metrics")
        return round(sum(map(float, _requests.findall(answer.text))))


@asynccontextmanager
async def connect(settings_file: Path) -> AsyncIterator[Servers]:
    """To the servers of the stack whose settings these are."""
    told = read_settings(settings_file)
    async with AsyncExitStack() as resources:
        mongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(told["PARLEY_MONGO"])
        resources.push_async_callback(mongo.close)
        redis = Redis.from_url(told["PARLEY_REDIS"])
        resources.push_async_callback(redis.aclose)
        consumer = await resources.enter_async_context(AIOKafkaConsumer(bootstrap_servers=told["PARLEY_KAFKA"]))
        admin = AIOKafkaAdminClient(bootstrap_servers=told["PARLEY_KAFKA"])
        resources.push_async_callback(admin.close)
        await admin.start()
        http = await resources.enter_async_context(httpx.AsyncClient())
        ports = {name: told[f"PARLEY_{name.upper()}_PORT"] for name in SERVICES}
        yield Servers(mongo, redis, http, consumer, admin, settings_file.parent / "data" / "kafka", ports)


def of_kafka(topics: Mapping[str, Held]) -> dict[str, int]:
    """What was published, by topic, and how often offsets were committed."""
    found = {COMMITS: topics[OFFSETS].batches}
    for name in TOPICS:
        found |= {f"Kafka {name}: {what}": count for what, count in topics[name]._asdict().items()}
    return found


def of_mongo(status: Mapping[str, Any]) -> dict[str, int]:
    """https://www.mongodb.com/docs/v6.0/reference/command/serverStatus/"""
    metrics, journal, network = status["metrics"], status["wiredTiger"]["log"], status["network"]
    commands = {name: c["total"] for name, c in metrics["commands"].items() if isinstance(c, dict) and "total" in c}
    named = {name: commands[name] for name in ("find", "insert", "update")}
    return {
        "MongoDB finds": named["find"],
        "MongoDB inserts": named["insert"],
        "MongoDB updates": named["update"],
        "MongoDB other commands": _others(commands, named),
        "MongoDB documents inserted": metrics["document"]["inserted"],
        "MongoDB documents updated": metrics["document"]["updated"],
        "MongoDB documents returned": metrics["document"]["returned"],
        "MongoDB keys examined": metrics["queryExecutor"]["scanned"],
        "MongoDB documents examined": metrics["queryExecutor"]["scannedObjects"],
        "MongoDB bytes in": network["bytesIn"],
        "MongoDB bytes out": network["bytesOut"],
        "MongoDB journal bytes": journal["log bytes written"],
        "MongoDB journal syncs": journal["log sync operations"],
    }


def of_redis(commands: Mapping[str, Mapping[str, int]], stats: Mapping[str, int]) -> dict[str, int]:
    """https://redis.io/docs/latest/commands/info/; a command that a script gives counts like any other."""
    calls = {name.removeprefix("cmdstat_"): counted["calls"] for name, counted in commands.items()}
    return {
        "Redis scripts": sum(calls.get(name, 0) for name in SCRIPTS),
        "Redis commands": _others(calls, ()),
        "Redis bytes in": stats["total_net_input_bytes"],
        "Redis bytes out": stats["total_net_output_bytes"],
    }


def _others(calls: Mapping[str, int], named: Iterable[str]) -> int:
    return sum(count for name, count in calls.items() if name not in OF_THE_READER and name not in named)
