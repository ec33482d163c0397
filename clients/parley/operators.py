"""The calls of operators: on the internal port of a router, with the tokens of a session at the gateway."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec import UNSET, Struct, UnsetType

from clients.parley.calls import Calls
from clients.parley.contacts import ContactPage, ContactPerson, Merging, Unmerging
from clients.parley.errors import ProblemError
from clients.parley.http import Body, Gateway, Query

T = TypeVar("T")

MOST_AT_ONCE = 100
SETTLING_S = 60.0  # for a hundred letters


class Letter(Struct, frozen=True, kw_only=True):
    """A record that could never be handled; `about` names what it is about, where that can be read."""

    id: str
    topic: str
    at: datetime
    state: str
    reason: str
    attempts: int = 0
    origin: str = ""
    first_at: str = ""
    last_at: str = ""
    key: str = ""
    about: Mapping[str, str] = {}
    settled_by: str | None = None
    settled_at: datetime | None = None


class WholeLetter(Letter, frozen=True, kw_only=True):
    """`body` is what it says where that is JSON, `text` the same as text; of an update (`is_update`) that alone."""

    headers: Mapping[str, str] = {}
    body: Any = None
    text: str | None = None
    is_update: bool = False
    value_base64: str = ""
    replayed_value_base64: str | None = None
    delivery: Mapping[str, Any] | None = None


class LetterPage(Struct, frozen=True):
    items: tuple[Letter, ...]
    next_cursor: str | None = None


class Settled(Struct, frozen=True):
    """What became of a letter; `outcome` is a word, such as `replayed` or `already_replayed`."""

    id: str
    outcome: str
    detail: str = ""


class SettledAll(Struct, frozen=True):
    items: tuple[Settled, ...]


class LastError(Struct, frozen=True):
    at: datetime
    code: str
    detail: str
    address: str


class AskedWait(Struct, frozen=True):
    until: datetime
    address: str


class Outcomes(Struct, frozen=True, kw_only=True):
    """Of attempts within the last `window_s`."""

    window_s: int = 0
    sent: int = 0
    failed: int = 0
    refused: int = 0
    asked_to_wait: int = 0
    error_rate: float | None = None


class Backlog(Struct, frozen=True):
    """Updates that came from a platform and wait, and for how long the oldest has."""

    updates: int = 0
    oldest_s: float = 0.0


class ChannelState(Struct, frozen=True, kw_only=True):
    """An account of a platform, over all routers. `off`: why it is off; `webhook`: whether the platform knows ours."""

    channel: str
    account: str
    status: str
    off: str | None = None
    routers: int = 0
    breaker: str | None = None
    tried_again_at: datetime | None = None
    lanes: int = 0
    waiting: int = 0
    in_flight: int = 0
    parked: int = 0
    webhook: str | None = None
    inbound: Backlog = Backlog()
    outcomes: Outcomes = Outcomes()
    waits: tuple[AskedWait, ...] = ()
    errors: tuple[LastError, ...] = ()


class AuditEntry(Struct, frozen=True, kw_only=True):
    """`outcome` is `begun` where whoever did it died before the end."""

    id: str
    at: datetime
    who: str
    action: str
    on: str
    outcome: str
    details: Mapping[str, Any] = {}
    ended_at: datetime | None = None


class AuditPage(Struct, frozen=True):
    items: tuple[AuditEntry, ...]
    next_cursor: str | None = None


class Operators:
    """Raises as `ParleyClient` does; 403 `not_an_operator` for who has not the role."""

    def __init__(self, calls: Calls, url: str, *, attempts: int, verify: ssl.SSLContext | bool) -> None:
        self.url = url.rstrip("/")
        self._gateway = Gateway(self.url, attempts=attempts, verify=verify)
        self._calls = calls.at(self._gateway)

    async def __aenter__(self) -> "Operators":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._gateway.close()

    async def letters(
        self,
        *,
        topic: str | None = None,
        reason: str | None = None,
        message_id: str | None = None,
        state: str = "open",
        limit: int = 50,
        cursor: str | None = None,
    ) -> LetterPage:
        """Newest first; `state` is open, replayed, dropped or all."""
        said = {"topic": topic, "reason": reason, "message_id": message_id, "cursor": cursor}
        query: dict[str, str | int] = {
            "state": state,
            "limit": limit,
            **{k: v for k, v in said.items() if v is not None},
        }
        return await self._ask(LetterPage, "GET", "/dlq", query=query)

    async def letter(self, letter_id: str) -> WholeLetter:
        return await self._ask(WholeLetter, "GET", f"/dlq/{quote(letter_id, safe='')}")

    async def replay(self, letter_ids: Sequence[str]) -> tuple[Settled, ...]:
        """At most 100; safe to repeat."""
        return (await self._ask(SettledAll, "POST", "/dlq/replay", {"ids": list(letter_ids)})).items

    async def replay_edited(self, letter_id: str, body: Any | UnsetType = UNSET) -> Settled:
        """With this body in place of its own; 422 where its topic takes no such body."""
        said = {} if body is UNSET else {"body": body}
        return await self._ask(Settled, "POST", f"/dlq/{quote(letter_id, safe='')}/replay", said)

    async def drop(self, letter_ids: Sequence[str], note: str = "") -> tuple[Settled, ...]:
        """At most 100; they can still be replayed."""
        return (await self._ask(SettledAll, "POST", "/dlq/drop", {"ids": list(letter_ids), "note": note})).items

    async def channels(self) -> tuple[ChannelState, ...]:
        """Every account that is configured."""
        return (await self._ask(_Channels, "GET", "/channels")).items

    async def audit(self, *, limit: int = 50, cursor: str | None = None) -> AuditPage:
        """What operators did, newest first."""
        query: dict[str, str | int] = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._ask(AuditPage, "GET", "/audit", query=query)

    async def contacts(self, *, channel: str | None = None, limit: int = 50, cursor: str | None = None) -> ContactPage:
        """People on platforms, by name; audited."""
        query: dict[str, str | int] = {"limit": limit}
        query |= {k: v for k, v in {"channel": channel, "cursor": cursor}.items() if v is not None}
        return await self._ask(ContactPage, "GET", "/contacts", query=query)

    async def contact(self, name: str) -> ContactPerson:
        """By its name or any of its identities, with all that are the same person; 404."""
        return await self._ask(ContactPerson, "GET", f"/contacts/{quote(name, safe='')}")

    async def merge(self, name: str, other: str, *, preview: bool = False) -> Merging:
        """`other` is the same person as `name` from now on; 409 `cannot_merge`. Safe to repeat."""
        path = f"/contacts/{quote(name, safe='')}/merge"
        return await self._ask(Merging, "POST", path, {"other": other, "preview": preview})

    async def unmerge(self, name: str) -> Unmerging:
        """All is as it was before `name` was merged; 409 `merged_by_platform`. Safe to repeat."""
        return await self._ask(Unmerging, "POST", f"/contacts/{quote(name, safe='')}/unmerge", {})

    async def _ask(
        self, shape: type[T], method: str, path: str, body: Body | None = None, *, query: Query | None = None
    ) -> T:
        """Somebody may have become an operator since their token was made: a new one says so."""
        deadline_s = SETTLING_S if method == "POST" else None
        place = f"/v1/operators{path}"
        grant = self._calls.session.grant
        try:
            return await self._calls.ask(shape, method, place, body, query=query, deadline_s=deadline_s)
        except ProblemError as error:
            if error.code != "not_an_operator" or not grant or not await self._calls.session.renew(grant.access_token):
                raise
        return await self._calls.ask(shape, method, place, body, query=query, deadline_s=deadline_s)


class _Channels(Struct, frozen=True):
    items: tuple[ChannelState, ...]
