"""Registrations in etcd, and the copy of all of them that a worker follows."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import NoReturn

import msgspec

from libs.common.errors import Unavailable
from libs.common.etcd import Delete, Etcd, Put, Unchanged, absent
from services.webhooks.outgoing.domain.occurrences import Occurrence
from services.webhooks.outgoing.domain.webhooks import Webhook, hears
from services.webhooks.outgoing.handlers.registering import Kept

PREFIX = "/parley/webhooks/"
OWNERS = "/parley/webhook-owners/"
OPERATORS = "/parley/operators/"

log = logging.getLogger(__name__)
_read = msgspec.json.Decoder(Webhook).decode


class EtcdWebhooks:
    """Every method raises `Unavailable`; a write may have happened nevertheless."""

    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def of(self, owner: str) -> list[Webhook]:
        """In the order in which they were made."""
        return [_read(value) for value in (await self._registry.list(_key(owner, ""))).values()]

    async def find(self, owner: str, webhook_id: str) -> Kept | None:
        found = await self._registry.find(_key(owner, webhook_id))
        return Kept(_read(found.value), found.revision) if found else None

    async def add(self, webhook: Webhook, most: int) -> bool:
        """False where the owner has so many already: whoever adds says so in one transaction."""
        while True:
            turn = await self._registry.find(OWNERS + webhook.owner)
            if len(await self.of(webhook.owner)) >= most:
                return False
            key = _key(webhook.owner, webhook.webhook_id)
            conditions = [absent(key), Unchanged(OWNERS + webhook.owner, turn.revision if turn else 0)]
            if await self._registry.commit(conditions, [Put(key, _written(webhook)), Put(OWNERS + webhook.owner, b"")]):
                return True

    async def replace(self, kept: Kept, webhook: Webhook) -> bool:
        """False, and nothing changed, if it is not as it was found."""
        key = _key(webhook.owner, webhook.webhook_id)
        return await self._registry.commit([Unchanged(key, kept.revision)], [Put(key, _written(webhook))])

    async def remove(self, owner: str, webhook_id: str) -> bool:
        """False where there was none."""
        kept = await self.find(owner, webhook_id)
        return kept is not None and await self._registry.commit([], [Delete(_key(owner, webhook_id))])


class Directory:
    """All registrations and operators, in memory, never asked over the network: while etcd is away it stays as it was,
    which is exact but for the last moment, because nobody can change a registration either.
    """

    def __init__(self, registry: Etcd) -> None:
        self._registry = registry
        self._webhooks: dict[str, Webhook] = {}
        self._of: dict[str, dict[str, Webhook]] = {}
        self._everything: dict[str, Webhook] = {}
        self._operators: set[str] = set()
        self._known = (asyncio.Event(), asyncio.Event())

    async def run(self) -> NoReturn:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._registry.watch(OPERATORS, self._on_operators, self._on_operator))
            await self._registry.watch(PREFIX, self._on_snapshot, self._on_change)

    async def check(self) -> None:
        """For readiness. Raises `Unavailable` until etcd has told for the first time."""
        self.require()

    def require(self) -> None:
        if not all(known.is_set() for known in self._known):
            raise Unavailable("etcd", "the registered webhooks are not known yet")

    @property
    def size(self) -> int:
        return len(self._webhooks)

    @property
    def hears_everything(self) -> bool:
        return bool(self._everything)

    def find(self, webhook_id: str) -> Webhook | None:
        return self._webhooks.get(webhook_id)

    def has_any_of(self, usernames: Iterable[str]) -> bool:
        return any(name in self._of for name in usernames)

    def listening(self, one: Occurrence) -> list[Webhook]:
        """Those that are told of it, also where they are not enabled now."""
        near = [*self._of.get(one.owner, {}).values(), *self._everything.values()]
        return [webhook for webhook in near if hears(webhook, one.kind, one.owner, self._operators)]

    def learn(self, webhook: Webhook) -> None:
        """What this process has just written need not wait for the watch, nor be undone by what it brings late."""
        known = self._webhooks.get(webhook.webhook_id)
        if known is None or known.updated_at <= webhook.updated_at:
            self._take(webhook)

    def forget(self, webhook_id: str) -> None:
        webhook = self._webhooks.pop(webhook_id, None)
        if webhook is None:
            return
        self._everything.pop(webhook_id, None)
        theirs = self._of.get(webhook.owner, {})
        theirs.pop(webhook_id, None)
        if not theirs:
            self._of.pop(webhook.owner, None)

    def _take(self, webhook: Webhook) -> None:
        self.forget(webhook.webhook_id)
        self._webhooks[webhook.webhook_id] = webhook
        if webhook.scope == "all":
            self._everything[webhook.webhook_id] = webhook
        else:
            self._of.setdefault(webhook.owner, {})[webhook.webhook_id] = webhook

    def _on_snapshot(self, found: Mapping[str, bytes]) -> None:
        for webhook_id in [*self._webhooks]:
            self.forget(webhook_id)
        for key, value in found.items():
            self._on_change(key, value)
        self._known[0].set()

    def _on_change(self, key: str, value: bytes | None) -> None:
        try:
            if value is None:
                self.forget(key.rpartition("/")[2])
            else:
                self.learn(_read(value))
        except msgspec.DecodeError:
            log.error("%s holds no webhook", key)

    def _on_operators(self, found: Mapping[str, bytes]) -> None:
        self._operators = {key.removeprefix(OPERATORS) for key in found}
        self._known[1].set()

    def _on_operator(self, key: str, value: bytes | None) -> None:
        name = key.removeprefix(OPERATORS)
        if value is None:
            self._operators.discard(name)
        else:
            self._operators.add(name)


def _key(owner: str, webhook_id: str) -> str:
    return f"{PREFIX}{owner}/{webhook_id}"


def _written(webhook: Webhook) -> bytes:
    return msgspec.json.encode(webhook)
