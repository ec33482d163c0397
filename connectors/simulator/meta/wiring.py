"""Wires a platform of Meta's, of the parts that it brings."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel

from connectors.simulator.files import Files
from connectors.simulator.meta import keeping
from connectors.simulator.meta.webhooks import Sender
from connectors.simulator.meta.world import AnAccount, Kind, Limits, World
from connectors.simulator.phones.phone import Phones
from connectors.simulator.platform import Keeping, Platform, Routes
from connectors.simulator.settings import Settings


def new_world(
    kind: Kind, new_limits: Callable[[], Limits], settings: Settings, folder: Path, people_so_far: int = 0
) -> World[Kind, Any, Any, Any, Any, Limits]:
    files = Files(folder, settings.disk_bytes)
    bounds = (settings.most_messages, settings.most_entries, settings.most_updates)
    return World(kind, new_limits, time.time, random.Random(), files, *bounds, people_so_far)


def platform(
    world: World[Any, Any, Any, Any, Any, Any],
    http: httpx.AsyncClient,
    routers: Routes,
    phones: Phones,
    given: Sequence[BaseModel],
    add: Callable[..., AnAccount],
    known: type[keeping.Known[Any]],
) -> Platform:
    """`add` makes an account of the world and its fields, those that are `given` first; `known` is what is kept."""
    sender = Sender(lambda: [account.outlet for account in world.accounts.values()], world.clock, http)
    world.changed = sender.changed

    def add_given() -> None:
        for each in given:
            add(world, **each.model_dump())

    kept = Keeping(lambda: keeping.tell(world), known, lambda found: keeping.go_on(world, found, add))
    return Platform(world, routers, phones, sender, add_given, kept)
