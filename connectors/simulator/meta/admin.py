"""What the simulator's own interface has for any of Meta's platforms: accounts, faults, limits, and what arrived."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from connectors.simulator.admin import count_route, limit_routes
from connectors.simulator.interface import After, Impossible, Json, Limit, fault_routes, shown
from connectors.simulator.meta.world import AMessage, AnAccount, World

Account = TypeVar("Account", bound=AnAccount)
Message = TypeVar("Message", bound=AMessage)


def admin_routes(
    world: World[Any, Account, Any, Message, Any, Any],
    refuse: Callable[[float], None],
    of_platform: msgspec.Struct,
    account_as_json: Callable[[Account], Json],
    message_as_json: Callable[[Message], Json],
) -> APIRouter:
    """`of_platform` are its rates. Accounts are added where the router's owner says how."""
    router = APIRouter(prefix=f"/_sim/{world.kind.name}")

    @router.get("/accounts", tags=["Accounts"])
    async def accounts() -> Response:
        return shown({"items": [account_as_json(account) for account in world.accounts.values()]})

    fault_routes(router, lambda: world.faults, refuse)
    limit_routes(router, world, of_platform)
    count_route(router, world, lambda: {each.id: each.outlet for each in world.accounts.values()})
    _records(router, world, message_as_json)
    return router


def added(world: World[Any, Account, Any, Any, Any, Any], account_id: str, add: Callable[[], Account]) -> Account:
    """Everybody who is there has just written to it. Raises `Impossible` where it is there already."""
    if account_id in world.accounts:
        raise Impossible(f"there is {world.kind.one} {account_id} already")
    account = add()
    for person in world.people.values():
        person.wrote_at[account.id] = world.clock()
    world.memory.write()
    return account


def _records(
    router: APIRouter, world: World[Any, Account, Any, Message, Any, Any], message_as_json: Callable[[Message], Json]
) -> None:
    @router.get("/log", tags=["Records"])
    async def log(after: After = 0, limit: Limit = 200, chat: str | None = None) -> Response:
        """Everything that the platform accepted, in order; `lost` says how much of it is forgotten by now."""
        return shown(world.journal.page(after, limit, chat))

    @router.get("/told", tags=["Records"])
    async def told(after: After = 0, limit: Limit = 200, bot: str | None = None) -> Response:
        """Everything that the account's webhook has taken, in that order, and when it was first tried."""
        return shown(world.account(bot).outlet.told(after, limit))

    @router.get("/chats/{chat}/messages", tags=["Records"])
    async def messages(chat: str, bot: str | None = None, limit: Limit = 50) -> Response:
        """What stands in the conversation with a person, the newest last."""
        found = world.between(world.account(bot).id, chat)
        return shown({"items": [message_as_json(m) for m in found[-limit:]]})
