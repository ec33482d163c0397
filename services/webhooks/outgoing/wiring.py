"""The wiring of webhooks for third parties: etcd, MongoDB and Kafka below, use cases above."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.common import etcd, http, kafka, mongo
from libs.common.bus import Handler
from libs.common.clock import now
from libs.common.conversations import Members
from libs.common.events import FILE_EVENTS, STATUS_EVENTS
from libs.common.scheduler import Scheduler
from services.webhooks.outgoing.handlers.disabling import Disabling
from services.webhooks.outgoing.handlers.intake import Files, Ledger, Statuses
from services.webhooks.outgoing.handlers.places import FAILING, HEALTHY
from services.webhooks.outgoing.handlers.registering import Registering, Rules
from services.webhooks.outgoing.handlers.replaying import Log
from services.webhooks.outgoing.handlers.sending import Policy, Post, Sending
from services.webhooks.outgoing.store.deliveries import Deliveries, Endpoints
from services.webhooks.outgoing.store.registry import Directory, EtcdWebhooks
from services.webhooks.outgoing.store.sealing import Seal
from services.webhooks.outgoing.transport import calling

LEASE = timedelta(seconds=10)
"""Of an endpoint's lane: what a killed worker was at goes on after it."""
LANES = 1_000
REPLAYS = 4
GROUPS = {"webhooks-statuses": STATUS_EVENTS, "webhooks-files": FILE_EVENTS}


@dataclass(frozen=True)
class Parts:
    """What a process of webhooks does for third parties; everything of `background` runs for ever."""

    database: mongo.Database
    registering: Registering
    log: Log
    statuses: Statuses
    files: Files
    sending: Sending
    checks: Mapping[str, http.Check]
    background: Sequence[Callable[[], Coroutine[Any, Any, None]]]


def parts(
    registry: etcd.Etcd,
    database: mongo.Database,
    caller: Post,
    seal: Seal,
    rules: Rules,
    policy: Policy,
    clock: Callable[[], datetime] = now,
) -> Parts:
    directory, stored = Directory(registry), EtcdWebhooks(registry)
    deliveries, endpoints = Deliveries(database), Endpoints(database)
    lanes = Scheduler(database, "webhook_lanes", LEASE, clock)
    replays = Scheduler(database, "webhook_replays", LEASE, clock)
    ledger = Ledger(directory, deliveries, lanes, clock)
    registering = Registering(stored, directory, endpoints, seal, rules, clock)
    log = Log(registering, deliveries, lanes, replays, clock)
    disabling = Disabling(stored, ledger, clock)
    sending = Sending(directory, stored, deliveries, endpoints, seal, caller, disabling, policy, clock)
    return Parts(
        database,
        registering,
        log,
        Statuses(ledger, Members(database)),
        Files(ledger),
        sending,
        {"etcd": registry.check, "MongoDB": lambda: mongo.check(database), "webhooks": directory.check},
        (
            directory.run,
            sending.count_backlog,
            lambda: lanes.run(sending.serve, LANES),
            lambda: replays.run(log.run_replay, REPLAYS),
        ),
    )


@asynccontextmanager
async def outgoing(
    registry: etcd.Etcd, uri: str, database_name: str, seal: Seal, rules: Rules, policy: Policy
) -> AsyncIterator[Parts]:
    async with (
        mongo.connect(uri, database_name, timeout_s=10) as database,
        calling(rules.reach.networks, HEALTHY + FAILING, now) as caller,
    ):
        yield parts(registry, database, caller, seal, rules, policy)


def consumers(made: Parts, bootstrap: str, topic_prefix: str, producer: kafka.Producer) -> dict[str, kafka.Consumer]:
    handlers: dict[str, Handler] = {STATUS_EVENTS: made.statuses, FILE_EVENTS: made.files}
    return {
        group: kafka.Consumer(bootstrap, group, topic, handlers[topic], producer, topic_prefix=topic_prefix)
        for group, topic in GROUPS.items()
    }


async def work(made: Parts, members: Mapping[str, kafka.Consumer], stop: asyncio.Event) -> None:
    """Until told to stop; then what is in hand is finished and committed. Calls under way are made again."""
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(each()) for each in made.background]
        await asyncio.gather(*(member.run(stop) for member in members.values()))
        for task in background:
            task.cancel()
