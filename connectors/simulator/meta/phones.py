"""What phones of people have alike on all of Meta's platforms: each is alone with the first account."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

from connectors.simulator.interface import Impossible
from connectors.simulator.meta.world import AMessage, AnAccount, APerson, World
from connectors.simulator.phones.phone import Phone, Tick

Account = TypeVar("Account", bound=AnAccount)
Person = TypeVar("Person", bound=APerson)
Message = TypeVar("Message", bound=AMessage)


def name_of_ours(world: World[Any, Any, Any, Any, Any, Any]) -> str:
    """Empty where there is no account."""
    return next((str(each.name) for each in world.accounts.values()), "")


def version(world: World[Any, Any, Any, Any, Any, Any]) -> Hashable:
    """Another one whenever something may look different."""
    outlets = tuple(each.outlet.version for each in world.accounts.values())
    return id(world.journal), world.journal.last, world.calls.total(), len(world.people), outlets


def everybody(world: World[Any, Any, Person, Message, Any, Any]) -> Sequence[Phone]:
    account, unread, at = next(iter(world.accounts), ""), Counter[str](), dict[str, float]()
    for message in world.messages.values():
        if message.account == account and message.kind != "reaction" and message.has_arrived:
            unread[message.person] += message.is_ours and not message.is_read
            at[message.person] = message.sent_at
    return [
        Phone(world.kind.name, p.id, p.first_name, unread[p.id], at.get(p.id, 0.0), p.is_online)
        for p in world.people.values()
    ]


def ends(world: World[Any, Account, Person, Any, Any, Any], address: str) -> tuple[Person, Account]:
    """Whose phone it is, and the account that it is alone with. Raises `Impossible`."""
    account = next(iter(world.accounts.values()), None)
    if account is None:
        raise Impossible(f"there is no {world.kind.one.partition(' ')[2]} on {world.kind.channel.title}")
    if address not in world.people:
        raise Impossible(f"nobody is called {address}")
    return world.people[address], account


def on_phone(world: World[Any, Account, Person, Message, Any, Any], person: Person, account: Account) -> list[Message]:
    return [message for message in world.between(account.id, person.id) if message.has_arrived]


def has_unread(world: World[Any, Account, Person, Any, Any, Any], person: Person, account: Account) -> bool:
    """On a phone that is on."""
    return person.is_online and any(m.is_ours and not m.is_read for m in on_phone(world, person, account))


def tick(message: AMessage, waiting: frozenset[str]) -> Tick:
    """Of their own: delivered once the webhook has taken it, read once we have marked it."""
    if message.is_ours:
        return ""
    if message.is_read:
        return "read"
    return "sent" if message.id in waiting else "delivered"
