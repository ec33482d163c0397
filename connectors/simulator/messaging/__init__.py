"""Messenger and Instagram, wired: two platforms of one make, each with its own accounts, people and faults."""

import time
from functools import partial
from pathlib import Path

import httpx

from connectors.simulator.messaging.admin import account_routes
from connectors.simulator.messaging.api import Api
from connectors.simulator.messaging.doings import person_routes
from connectors.simulator.messaging.kinds import INSTAGRAM, MESSENGER, Kind
from connectors.simulator.messaging.objects import Person
from connectors.simulator.messaging.phones import MessagingPhones
from connectors.simulator.messaging.rates import Limits, rates_of
from connectors.simulator.messaging.routes import graph_routes
from connectors.simulator.messaging.world import World, add_account
from connectors.simulator.meta import wiring
from connectors.simulator.meta.keeping import Known
from connectors.simulator.meta.webhooks import shake_hands
from connectors.simulator.platform import Platform
from connectors.simulator.settings import Settings


def messaging(kind: Kind, settings: Settings, folder: Path, http: httpx.AsyncClient) -> Platform:
    """Whoever remembers people of before a restart is not misled: those after it have other ids."""
    so_far = int(time.time()) * 1_000
    world: World = wiring.new_world(kind, lambda: Limits(rates_of(kind.channel)), settings, folder, so_far)
    api = Api(world, partial(shake_hands, http))
    return wiring.platform(
        world,
        http,
        lambda refuse: (graph_routes(api), person_routes(world), account_routes(world, refuse)),
        MessagingPhones(world),
        settings.messenger_accounts if kind is MESSENGER else settings.instagram_accounts,
        add_account,
        Known[Person],
    )


messenger = partial(messaging, MESSENGER)
instagram = partial(messaging, INSTAGRAM)
