"""What the roles of a router share, and the work that they add to one process."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
from fastapi import FastAPI
from redis.asyncio import Redis

from connectors.catalogue import Accounts, Configured
from connectors.sdk import Connector
from libs.common import http, kafka
from libs.common.bus import Handler
from libs.common.directory import ChannelDirectory
from libs.common.etcd import Etcd
from libs.common.feed import FeedWriter
from libs.common.mongo import Database
from libs.common.scheduler import Scheduler
from libs.common.storage_reading import Stored
from services.router.contacts import Contacts
from services.router.handlers import Heights, Reporting, Teller
from services.router.reports import Reports
from services.router.settings import Settings

Consumer = kafka.Consumer | kafka.LaneConsumer


@dataclass
class Work:
    """By name. `beside` runs as long as the `consumers` do; `app` is what the port answers, and shows the `checks`."""

    app: FastAPI
    checks: dict[str, http.Check]
    consumers: dict[str, Consumer] = field(default_factory=dict)
    beside: dict[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """What has a memory is there once, whichever roles use it."""

    settings: Settings
    accounts: Accounts
    database: Database
    cache: Redis
    registry: Etcd
    producer: kafka.Producer
    web: httpx.AsyncClient
    objects: Stored

    @cached_property
    def directory(self) -> ChannelDirectory:
        return ChannelDirectory(self.registry)

    @cached_property
    def connectors(self) -> Mapping[tuple[str, str], Connector]:
        """(channel, account) → what speaks with its platform."""
        return {(a.channel, a.account): a.connector(self.web) for a in self.accounts.on}

    @cached_property
    def account_names(self) -> dict[str, list[str]]:
        """Channel → its accounts, as they are configured."""
        return _names(self.accounts.on)

    @property
    def for_people(self) -> dict[str, list[str]]:
        """The same of those that answer for people of ours."""
        return _names(each for each in self.accounts.on if each.is_for_people)

    @cached_property
    def heights(self) -> Heights:
        return Heights()

    @cached_property
    def routes(self) -> Scheduler:
        return Scheduler(self.database, "routes")

    @cached_property
    def teller(self) -> Teller:
        return Teller(self.database, FeedWriter(self.cache), self.producer, self.routes)

    @cached_property
    def reporting(self) -> Reporting:
        return Reporting(Reports(self.database), self.teller, Contacts(self.database))

    def consumer(self, group: str, topic: str, handler: Handler) -> kafka.Consumer:
        prefix = self.settings.topic_prefix
        return kafka.Consumer(self.settings.kafka, group, topic, handler, self.producer, topic_prefix=prefix)


def _names(accounts: Iterable[Configured]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for each in accounts:
        names.setdefault(each.channel, []).append(each.account)
    return names
