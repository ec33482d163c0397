"""What WhatsApp knows: numbers of ours, people, their messages, and what webhooks are told of them."""

from collections.abc import Sequence
from typing import Any, Literal

from connectors.capabilities import CHANNELS
from connectors.formats.whatsapp import check_update
from connectors.simulator.files import Stored
from connectors.simulator.meta import world as meta
from connectors.simulator.meta.kinds import Plain
from connectors.simulator.whatsapp.objects import Account, Json, Media, Message, Person, new_media_id, new_wamid
from connectors.simulator.whatsapp.rates import Limits

CHANNEL = CHANNELS["whatsapp"]
WHATSAPP = Plain("whatsapp", one="a number")
WINDOW_S = 3_600.0 * (CHANNEL.window.hours if CHANNEL.window else 0)
BUSINESS = "102290129340398"

Thing = Literal["messages", "statuses"]
World = meta.World[Plain, Account, Person, Message, Media, Limits]


def add_number(world: World, id: str, token: str, number: str, app_secret: str, name: str) -> Account:
    outlet = world.outlet(lambda events: packed(world.accounts[id], events), app_secret)
    world.accounts[id] = Account(id, token, number, name, app_secret, outlet)
    return world.accounts[id]


def add_media(world: World, account: str, stored: Stored) -> str:
    return world.bring(new_media_id(), Media(account, stored))


def post(
    world: World, account: Account, person: Person, is_ours: bool, kind: str, content: Any, reply_to: str | None
) -> Message:
    at = world.clock()
    return world.stand(Message(new_wamid(), account.id, person.id, is_ours, at, kind, content, reply_to))


def tell(world: World, account: Account, person: Person, thing: Thing, content: Json) -> None:
    """A message of theirs, or a status of ours."""
    event = {"thing": thing, "content": content, "contact": person.as_contact()}
    if wrong := check_update(packed(account, [event])):
        raise AssertionError(f"a webhook that WhatsApp would not send: {wrong}")
    account.outlet.add(person.id, event)


def is_open(world: World, account: Account, person: Person) -> bool:
    """Whether we may write freely: they have written within the last 24 hours."""
    wrote_at = person.wrote_at.get(account.id)
    return wrote_at is not None and world.clock() - wrote_at < WINDOW_S


def packed(account: Account, events: Sequence[Json]) -> Json:
    """One value with all that waits, messages and statuses together."""
    value: Json = {"messaging_product": "whatsapp", "metadata": account.metadata}
    raw = [event for event in events if "raw" in event]
    for event in events:
        if event not in raw:
            _add(value, event)
    changes = [*([{"field": "messages", "value": value}] if len(raw) < len(events) else [])]
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": BUSINESS, "changes": [*changes, *(event["raw"] for event in raw)]}],
    }


def _add(value: Json, event: Json) -> None:
    if event["thing"] == "messages" and event["content"]["type"] != "system":
        contacts = value.setdefault("contacts", [])
        if event["contact"] not in contacts:
            contacts.append(event["contact"])
    value.setdefault(event["thing"], []).append(event["content"])
