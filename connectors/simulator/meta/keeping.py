"""What a platform of Meta's still knows after an end of its process: accounts, their subscriptions, and people."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Generic

import msgspec

from connectors.simulator.memory import MOST_PEOPLE
from connectors.simulator.meta.world import AnAccount, Person, World

SUBSCRIBED = ("app_fields", "fields")


class KnownAccount(msgspec.Struct, frozen=True):
    """`given` is what it was added with, `subscribed` what it asked to be told of, where one has to ask."""

    id: str
    given: dict[str, str]
    url: str
    subscribed: dict[str, tuple[str, ...]]


class Known(msgspec.Struct, Generic[Person], frozen=True):
    accounts: list[KnownAccount]
    people: list[Person]
    people_so_far: int


def tell(world: World[Any, Any, Person, Any, Any, Any]) -> Known[Person]:
    accounts = [_account(each) for each in world.accounts.values()]
    return Known(accounts, [*world.people.values()][-MOST_PEOPLE:], world.people_so_far)


def go_on(world: World[Any, Any, Person, Any, Any, Any], known: Known[Person], add: Callable[..., AnAccount]) -> None:
    """An account that is there from the start stays as it was given."""
    for each in known.accounts:
        account = world.accounts.get(each.id) or add(world, id=each.id, **each.given)
        account.outlet.url = each.url
        for name, subscribed in each.subscribed.items():
            setattr(account, name, subscribed)
    world.people.update({each.id: each for each in known.people})
    world.people_so_far = max(world.people_so_far, known.people_so_far)


def _account(account: Any) -> KnownAccount:
    values = {each.name: getattr(account, each.name) for each in fields(account) if each.name != "outlet"}
    subscribed = {name: values.pop(name) for name in SUBSCRIBED if name in values}
    return KnownAccount(values.pop("id"), values, account.outlet.url, subscribed)
