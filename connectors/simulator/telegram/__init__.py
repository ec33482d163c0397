"""Telegram, wired: bots that are there from the start, the Bot API, and the webhooks that are told."""

import random
import time
from pathlib import Path

import httpx

from connectors.simulator.files import Files
from connectors.simulator.platform import Keeping, Platform
from connectors.simulator.settings import Settings
from connectors.simulator.telegram import keeping
from connectors.simulator.telegram.admin import admin_routes
from connectors.simulator.telegram.api import Api
from connectors.simulator.telegram.doings import people_routes
from connectors.simulator.telegram.phones import TelegramPhones
from connectors.simulator.telegram.routes import bot_api_routes
from connectors.simulator.telegram.webhooks import Sender
from connectors.simulator.telegram.world import World


def telegram(settings: Settings, folder: Path, http: httpx.AsyncClient) -> Platform:
    files = Files(folder, settings.disk_bytes)
    bounds = (settings.most_messages, settings.most_entries, settings.most_updates)
    world = World(time.time, random.Random(), files, *bounds)
    api = Api(world, settings.any_url)

    def add_given() -> None:
        for number, token in enumerate(settings.telegram_tokens, 1):
            world.add_bot(token, "Parley", f"parley_{number}_bot")

    return Platform(
        world,
        lambda refuse: (bot_api_routes(api), people_routes(world), admin_routes(world, refuse)),
        TelegramPhones(world),
        Sender(api, http),
        add_given,
        Keeping(lambda: keeping.tell(world), keeping.Known, lambda known: keeping.go_on(world, known)),
    )
