"""The simulator's own interface below `/_sim/<platform>`: accounts, faults, limits, and what arrived."""

from collections.abc import Callable

from fastapi import APIRouter

from connectors.simulator.interface import Json
from connectors.simulator.messaging.objects import Account, Message
from connectors.simulator.messaging.rates import rates_of
from connectors.simulator.messaging.shapes import NewAccount, RawUpdate
from connectors.simulator.messaging.world import World, add_account
from connectors.simulator.meta.admin import added, admin_routes


def account_routes(world: World, refuse: Callable[[float], None]) -> APIRouter:
    router = admin_routes(world, refuse, rates_of(world.kind.channel), _account, _message)

    @router.post("/accounts", tags=["Accounts"], status_code=201)
    async def add(body: NewAccount) -> Json:
        """Everybody who is there has just written to it."""
        return _account(added(world, body.id, lambda: add_account(world, **body.model_dump())))

    @router.post("/updates", tags=["Accounts"])
    async def send_update(body: RawUpdate) -> Json:
        """Sends any object as an event, unchecked: what the platform would never send, or may send in years."""
        world.account(body.bot).outlet.add(body.chat, body.event)
        return {"sent": True}

    return router


def _message(message: Message) -> Json:
    return {name: getattr(message, name) for name in Message.__slots__ if name != "stored"}


def _account(account: Account) -> Json:
    return {
        "id": account.id,
        "name": account.name,
        "app_id": account.app_id,
        "webhook": account.outlet.url,
        "app_fields": list(account.app_fields),
        "subscribed_fields": list(account.fields),
        "waiting_updates": len(account.outlet),
        "last_error": account.outlet.last_error,
    }
