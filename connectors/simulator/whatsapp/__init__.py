"""WhatsApp, wired: numbers that are there from the start, the Cloud API, and the webhooks that are told."""

from functools import partial
from pathlib import Path

import httpx

from connectors.simulator.meta import wiring
from connectors.simulator.meta.keeping import Known
from connectors.simulator.meta.webhooks import shake_hands
from connectors.simulator.platform import Platform
from connectors.simulator.settings import Settings
from connectors.simulator.whatsapp.admin import number_routes
from connectors.simulator.whatsapp.api import Api
from connectors.simulator.whatsapp.doings import person_routes
from connectors.simulator.whatsapp.objects import Person
from connectors.simulator.whatsapp.phones import WhatsAppPhones
from connectors.simulator.whatsapp.rates import Limits, rates_of
from connectors.simulator.whatsapp.routes import graph_routes
from connectors.simulator.whatsapp.world import CHANNEL, WHATSAPP, World, add_number


def whatsapp(settings: Settings, folder: Path, http: httpx.AsyncClient) -> Platform:
    world: World = wiring.new_world(WHATSAPP, lambda: Limits(rates_of(CHANNEL)), settings, folder)
    api = Api(world, partial(shake_hands, http))
    return wiring.platform(
        world,
        http,
        lambda refuse: (graph_routes(api), person_routes(world), number_routes(world, refuse)),
        WhatsAppPhones(world),
        settings.whatsapp_numbers,
        add_number,
        Known[Person],
    )
