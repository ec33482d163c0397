"""The simulator's own interface below `/_sim/whatsapp`: numbers, faults, limits, and what arrived."""

from collections.abc import Callable
from dataclasses import asdict

from fastapi import APIRouter

from connectors.simulator.interface import Json
from connectors.simulator.meta.admin import added, admin_routes
from connectors.simulator.whatsapp.objects import Account
from connectors.simulator.whatsapp.rates import rates_of
from connectors.simulator.whatsapp.shapes import NewAccount, RawUpdate
from connectors.simulator.whatsapp.world import CHANNEL, World, add_number


def number_routes(world: World, refuse: Callable[[float], None]) -> APIRouter:
    router = admin_routes(world, refuse, rates_of(CHANNEL), _number, asdict)

    @router.post("/accounts", tags=["Accounts"], status_code=201)
    async def add_account(body: NewAccount) -> Json:
        """Everybody who is there has just written to it."""
        return _number(added(world, body.id, lambda: add_number(world, **body.model_dump())))

    @router.post("/updates", tags=["Accounts"])
    async def send_update(body: RawUpdate) -> Json:
        """Sends any object as a change, unchecked: what the platform would never send, or may send in years."""
        world.account(body.bot).outlet.add(body.chat, {"raw": body.change})
        return {"sent": True}

    return router


def _number(account: Account) -> Json:
    return {
        "id": account.id,
        "number": account.number,
        "name": account.name,
        "webhook": account.outlet.url,
        "waiting_updates": len(account.outlet),
        "last_error": account.outlet.last_error,
    }
