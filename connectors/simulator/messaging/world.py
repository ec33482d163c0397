"""What one of the platforms knows: accounts, people, their messages, and the events that follow from what happens."""

from collections.abc import Sequence
from typing import Any

from connectors.formats.messaging import check_update
from connectors.simulator.messaging.kinds import Kind, Told
from connectors.simulator.messaging.objects import Account, Attached, Json, Message, Person, new_mid
from connectors.simulator.messaging.rates import Limits
from connectors.simulator.meta import world as meta

World = meta.World[Kind, Account, Person, Message, Attached, Limits]


def add_account(world: World, id: str, token: str, name: str, app_id: str, app_secret: str) -> Account:
    outlet = world.outlet(lambda events: packed(world, id, events), app_secret)
    world.accounts[id] = Account(id, token, name, app_id, app_secret, outlet)
    return world.accounts[id]


def milliseconds(world: World) -> int:
    return int(world.clock() * 1000)


def post(world: World, account: Account, person: Person, is_ours: bool, **content: Any) -> Message:
    """A new message; no two of one conversation have the same time."""
    last = world.last(account.id, person.id)
    at = max(milliseconds(world), last.at + 1 if last else 0)
    return world.stand(Message(new_mid(), account.id, person.id, is_ours, at, **content))


def tell(
    world: World, account: Account, person: Person, told: Told, content: Json, *, from_us: bool = False
) -> list[str]:
    """The kind of the event that the webhook will get; nothing where it is not subscribed."""
    field_name = world.kind.field_of.get(told)
    if field_name is None or not _is_subscribed(world, account, field_name):
        return []
    ends = (account.id, person.id) if from_us else (person.id, account.id)
    event: Json = {"sender": {"id": ends[0]}, "recipient": {"id": ends[1]}}
    if told != "delivery":
        event["timestamp"] = milliseconds(world)
    event |= content
    if wrong := check_update(world.kind.name, packed(world, account.id, [event])):
        raise AssertionError(f"an event that the platform would not send: {wrong}")
    account.outlet.add(person.id, event)
    return [told]


def packed(world: World, account: str, events: Sequence[Json]) -> Json:
    now = milliseconds(world)
    entries = [{"id": account, "time": now, "messaging": [event]} for event in events]
    return {"object": world.kind.object, "entry": entries}


def _is_subscribed(world: World, account: Account, field_name: str) -> bool:
    """A page's events need both subscriptions; Instagram's those of the app, once the account has any."""
    if field_name not in account.app_fields:
        return False
    return field_name in account.fields if world.kind.name == "messenger" else bool(account.fields)
