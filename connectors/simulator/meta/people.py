"""What a person does on any of Meta's platforms, whoever is told of it."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from connectors.simulator.interface import Json, shown
from connectors.simulator.meta.shapes import Waited, WithAccount
from connectors.simulator.meta.world import AnAccount, APerson, World

HOUR_S = 3_600.0


class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it; `updates` are the kinds of events that the webhook will get."""

    chat: str
    message_id: str | None = None
    updates: list[str] = []


Account = TypeVar("Account", bound=AnAccount)
Person = TypeVar("Person", bound=APerson)


class People(Protocol[Account, Person]):
    @property
    def world(self) -> World[Any, Account, Person, Any, Any, Any]: ...

    def found(self, who: str) -> Person:
        """Raises `Impossible` where nobody is called so, or several are."""

    def read(self, person: Person, account: Account) -> Done:
        """Everything that came."""


def ends(people: People[Account, Person], who: str, account: str | None) -> tuple[Person, Account]:
    """Of a conversation: who is called so, and the account or the only one. Raises `Impossible`."""
    return people.found(who), people.world.account(account)


def write(world: World[Any, Account, Person, Any, Any, Any], person: Person, account: Account) -> None:
    """Opens the window anew, and takes back that they blocked the account."""
    person.blocked.discard(account.id)
    person.wrote_at[account.id] = world.clock()
    world.memory.write_soon()


def standing(person: APerson) -> Json:
    return {"started": sorted(person.wrote_at), "blocked": sorted(person.blocked), "online": person.is_online}


def people_routes(router: APIRouter, people: People[Account, Person], person_as_json: Callable[[Person], Json]) -> None:
    """What is the same wherever people are, where the router stands."""

    @router.get("/people", tags=["People"])
    async def every() -> Response:
        return shown({"items": [person_as_json(person) for person in people.world.people.values()]})

    @router.post("/people/{who}/read", tags=["People"])
    async def read(who: str, body: WithAccount) -> Response:
        return shown(people.read(*ends(people, who, body.bot)))

    @router.post("/people/{who}/block", tags=["People"])
    async def block(who: str, body: WithAccount) -> Response:
        """No webhook is told of it."""
        person, account = ends(people, who, body.bot)
        person.blocked.add(account.id)
        people.world.memory.write_soon()
        return shown(Done(person.id))

    @router.post("/people/{who}/unblock", tags=["People"])
    async def unblock(who: str, body: WithAccount) -> Response:
        person, account = ends(people, who, body.bot)
        person.blocked.discard(account.id)
        people.world.memory.write_soon()
        return shown(Done(person.id))

    @router.post("/people/{who}/wait", tags=["People"])
    async def wait(who: str, body: Waited) -> Response:
        """As if they had last written so many hours ago: 24 close the window."""
        person, account = ends(people, who, body.bot)
        person.wrote_at[account.id] = people.world.clock() - body.hours * HOUR_S
        people.world.memory.write_soon()
        return shown(Done(person.id))
