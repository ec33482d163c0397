"""Registering: who makes, reads, changes and removes which webhook; nobody but its owner sees it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from libs.common.accept import check_text, cursor_id
from libs.common.clock import new_id
from libs.common.errors import Problem, invalid, not_found
from services.webhooks.outgoing.domain.signing import new_secret
from services.webhooks.outgoing.domain.urls import Reach, url_fault
from services.webhooks.outgoing.domain.webhooks import (
    MAX_DESCRIPTION,
    MAX_SECRETS,
    OLD_SECRET_LIVES,
    SCOPES,
    Scope,
    Secret,
    Webhook,
    events_of,
    rotated,
    valid_secrets,
)
from services.webhooks.outgoing.handlers.shapes import (
    CreateRequest,
    PatchRequest,
    WebhookPage,
    WebhookView,
    kinds,
    view,
)

if TYPE_CHECKING:
    from libs.common.auth import Identity
    from services.webhooks.outgoing.store.deliveries import Endpoints
    from services.webhooks.outgoing.store.registry import Directory, EtcdWebhooks
    from services.webhooks.outgoing.store.sealing import Seal

OPERATOR = "operator"


class Kept(NamedTuple):
    """A webhook as it was found: `revision` changes with it."""

    webhook: Webhook
    revision: int


@dataclass(frozen=True)
class Rules:
    """What a setting may change: whom we call, and how many webhooks a user has."""

    reach: Reach
    most: int


@dataclass(frozen=True)
class Registering:
    """Every method raises `Problem`, or `Unavailable`."""

    registry: "EtcdWebhooks"
    directory: "Directory"
    endpoints: "Endpoints"
    seal: "Seal"
    rules: Rules
    clock: Callable[[], datetime]

    async def create(self, caller: "Identity", asked: CreateRequest) -> WebhookView:
        """With its secret, this once."""
        scope = _checked_scope(asked.scope)
        if scope == "all" and OPERATOR not in caller.roles:
            raise Problem(403, "operator_required", "Only operators may hear of everybody's events.")
        self._check_url(asked.url)
        _check_description(asked.description)
        allowed = events_of(scope)
        wanted = allowed if asked.events is None else _checked_events(asked.events, allowed)
        at, secret, webhook_id = self.clock(), new_secret(), new_id()
        webhook = Webhook(
            webhook_id=webhook_id,
            owner=caller.username,
            url=asked.url,
            events=wanted,
            scope=scope,
            description=asked.description,
            secrets=(Secret(self.seal.close(secret, webhook_id)),),
            created_at=at,
            updated_at=at,
        )
        if not await self.registry.add(webhook, self.rules.most):
            raise Problem(409, "too_many_webhooks", f"A user has at most {self.rules.most} webhooks.")
        self.directory.learn(webhook)
        return view(webhook, None, secret=secret)

    async def page(self, caller: "Identity", limit: int, cursor: str | None) -> WebhookPage:
        """In the order in which they were made."""
        after = cursor_id(cursor) if cursor is not None else ""
        every = await self.registry.of(caller.username)
        found = [webhook for webhook in every if webhook.webhook_id > after]
        health = await self.endpoints.find_each([webhook.webhook_id for webhook in found[:limit]])
        items = [view(w, health.get(w.webhook_id, {}).get("failing_since")) for w in found[:limit]]
        return WebhookPage(items, items[-1].webhook_id if len(found) > limit else None)

    async def show(self, caller: "Identity", webhook_id: str) -> WebhookView:
        return await self._shown((await self.kept(caller, webhook_id)).webhook)

    async def change(self, caller: "Identity", webhook_id: str, asked: PatchRequest) -> WebhookView:
        while True:
            kept = await self.kept(caller, webhook_id)
            changed = self._changed(kept.webhook, asked)
            if await self.registry.replace(kept, changed):
                break
        if asked.enabled is True or changed.url != kept.webhook.url:
            await self.endpoints.is_well(webhook_id)
        self.directory.learn(changed)
        return await self._shown(changed)

    async def remove(self, caller: "Identity", webhook_id: str) -> None:
        if not await self.registry.remove(caller.username, webhook_id):
            raise not_found("webhook")
        self.directory.forget(webhook_id)

    async def rotate(self, caller: "Identity", webhook_id: str) -> WebhookView:
        """With its new secret, this once; the old one is valid for a day."""
        secret = new_secret()
        sealed = self.seal.close(secret, webhook_id)
        while True:
            kept, at = await self.kept(caller, webhook_id), self.clock()
            if len(valid_secrets(kept.webhook, at)) >= MAX_SECRETS:
                raise Problem(409, "too_many_secrets", f"{MAX_SECRETS} secrets are valid: wait until one has expired.")
            changed = msgspec.structs.replace(
                kept.webhook, secrets=rotated(kept.webhook, sealed, at), updated_at=self._later(kept.webhook)
            )
            if await self.registry.replace(kept, changed):
                break
        self.directory.learn(changed)
        shown = await self._shown(changed)
        until = view(changed, None, old_secret_until=at + OLD_SECRET_LIVES).old_secret_until
        return msgspec.structs.replace(shown, secret=secret, old_secret_until=until)

    async def kept(self, caller: "Identity", webhook_id: str) -> Kept:
        kept = await self.registry.find(caller.username, webhook_id)
        if kept is None:
            raise not_found("webhook")
        return kept

    async def _shown(self, webhook: Webhook) -> WebhookView:
        return view(webhook, (await self.endpoints.find(webhook.webhook_id)).get("failing_since"))

    def _changed(self, webhook: Webhook, asked: PatchRequest) -> Webhook:
        fields = {name: value for name in asked.__struct_fields__ if (value := getattr(asked, name)) is not UNSET}
        if not isinstance(asked.url, UnsetType):
            self._check_url(asked.url)
        if not isinstance(asked.description, UnsetType):
            _check_description(asked.description)
        if not isinstance(asked.events, UnsetType):
            fields["events"] = _checked_events(asked.events, events_of(webhook.scope))
        at = self._later(webhook)
        if fields.get("enabled") is True:
            fields |= {"disabled_for": None, "disabled_at": None}
        elif fields.get("enabled") is False and webhook.enabled:
            fields |= {"disabled_for": "owner", "disabled_at": at}
        return msgspec.structs.replace(webhook, updated_at=at, **fields)

    def _later(self, webhook: Webhook) -> datetime:
        """Of two changes within a millisecond or by two clocks, the later one is told from the earlier one."""
        return max(self.clock(), webhook.updated_at + timedelta(milliseconds=1))

    def _check_url(self, url: str) -> None:
        if fault := url_fault(url, self.rules.reach):
            raise invalid("/url", fault)


def _check_description(description: str | None) -> None:
    if description is not None:
        check_text(description, "/description", MAX_DESCRIPTION)


def _checked_scope(said: str) -> Scope:
    for scope in SCOPES:
        if scope == said:
            return scope
    raise invalid("/scope", f"must be one of {', '.join(SCOPES)}")


def _checked_events(asked: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    if not asked:
        raise invalid("/events", "must name at least one event")
    for index, name in enumerate(asked):
        if name not in allowed:
            raise invalid(f"/events/{index}", f"must be one of {', '.join(allowed)}")
    return kinds(asked)
