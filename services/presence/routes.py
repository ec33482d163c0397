"""Presence over HTTP: who of one's people is online."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response

from libs.common.auth import Caller
from libs.common.clock import rfc3339
from libs.common.http import encode
from libs.common.openapi import documented
from libs.common.shapes import Time, Username
from services.presence.domain.presence import MOST, Presence, Status, parse_names

Names = Annotated[str, Query(description=f"1 to {MOST} names, with commas between them.", examples=["ana,ben"])]

KnownTo = Callable[[str, Sequence[str]], Awaitable[list[str]]]
"""(caller, names) → those names that the caller may ask about."""
Look = Callable[[Sequence[str]], Awaitable[list[Presence]]]


class PresenceItem(msgspec.Struct, frozen=True):
    """`last_seen` is the last sign of life, to about a quarter of a minute; null where there was none for 30 days."""

    username: Username
    status: Status
    last_seen: Time | None


class PresenceAnswer(msgspec.Struct, frozen=True):
    """In the order asked; who shares no conversation with the caller is missing."""

    items: list[PresenceItem]


def presence_routes(known_to: KnownTo, look: Look) -> APIRouter:
    router = APIRouter(prefix="/v1/presence")

    @router.get("")
    @documented(
        "Who is online",
        tag="Presence",
        description="Of people with whom one shares a conversation; the others are missing from the answer.",
        answers={200: PresenceAnswer},
    )
    async def show_presence(caller: Caller, usernames: Names) -> Response:
        found = await look(await known_to(caller.username, parse_names(usernames)))
        items = [PresenceItem(p.username, p.status, rfc3339(p.last_seen) if p.last_seen else None) for p in found]
        return Response(encode(PresenceAnswer(items)), media_type="application/json")

    return router
