"""Phones of people on WhatsApp: each alone with the first number."""

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from connectors.simulator.files import Files, Stored
from connectors.simulator.interface import Impossible
from connectors.simulator.meta import phones as meta
from connectors.simulator.phones.phone import Ability, Bubble, Button, File, Phone, Place
from connectors.simulator.whatsapp.objects import Account, Json, Message, Person
from connectors.simulator.whatsapp.people import FIRST_NUMBER, People
from connectors.simulator.whatsapp.world import World

MEDIA = ("image", "video", "audio", "document", "sticker")
SOME_MONTHS_S = 10**7


@dataclass(frozen=True)
class WhatsAppPhones:
    world: World
    channel: str = "whatsapp"
    title: str = "WhatsApp"
    abilities: frozenset[Ability] = frozenset(("reply", "react", "file", "place"))

    @property
    def files(self) -> Files:
        return self.world.files

    @property
    def account(self) -> str:
        return meta.name_of_ours(self.world)

    def version(self) -> Hashable:
        return meta.version(self.world)

    def people(self) -> Sequence[Phone]:
        return meta.everybody(self.world)

    def add(self, name: str) -> str:
        """Numbers follow the clock, so nobody gets that of somebody who was there before the simulator began anew."""
        first = FIRST_NUMBER + int(self.world.clock()) % SOME_MONTHS_S
        number = next(n for n in map(str, itertools.count(first)) if n not in self.world.people)
        return People(self.world).add(name, number=number).id

    def bubbles(self, address: str, most: int) -> Sequence[Bubble]:
        person, account = meta.ends(self.world, address)
        messages = meta.on_phone(self.world, person, account)
        reactions = _reactions(messages)
        told = (body.get("content", {}) for body in account.outlet.waiting())
        waiting = frozenset(content["id"] for content in told if "id" in content)
        shown = [m for m in messages if m.type != "reaction"][-most:]
        return [self._bubble(m, reactions.get(m.wamid, {}), waiting) for m in shown]

    def say(self, address: str, text: str, reply_to: str | None) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).say(person, account, "text", {"body": text}, reply_to)

    def send(self, address: str, stored: Stored, text: str | None, base_url: str) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).send(person, account, stored, text)

    def place(self, address: str, latitude: float, longitude: float) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).say(person, account, "location", {"latitude": latitude, "longitude": longitude})

    def react(self, address: str, message: str, emoji: str | None) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).react(person, account, self._here(person, account, message), emoji)

    def press(self, address: str, message: str, data: str) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).press(person, account, self._here(person, account, message), data)

    def edit(self, address: str, message: str, text: str) -> None:
        raise Impossible("no webhook tells of it")

    def unsend(self, address: str, message: str) -> None:
        raise Impossible("no webhook tells of it")

    def look(self, address: str) -> None:
        person, account = meta.ends(self.world, address)
        if meta.has_unread(self.world, person, account):
            People(self.world).read(person, account)

    def switch(self, address: str, online: bool) -> None:
        person, account = meta.ends(self.world, address)
        if online and not person.is_online:
            People(self.world).come_online(person, account)
        person.is_online = online
        self.world.memory.write_soon()

    def _here(self, person: Person, account: Account, wamid: str) -> str:
        message = self.world.messages.get(wamid)
        if message is None or (message.account, message.person) != (account.id, person.id):
            raise Impossible(f"there is no message {wamid} between them")
        return wamid

    def _bubble(self, message: Message, reactions: dict[bool, str], waiting: frozenset[str]) -> Bubble:
        content: Json = message.content if isinstance(message.content, dict) else {}
        media = self.world.brought.get(content.get("id", "")) if message.type in MEDIA else None
        place = _place(content) if message.type == "location" else None
        text, link = _words(message, content), content.get("link", "") if message.type in MEDIA else ""
        return Bubble(
            message.wamid,
            not message.is_ours,
            message.at,
            text,
            File.of(media.stored) if media else None,
            place,
            link,
            what="" if text or media or place else message.type,
            reply_to=message.reply_to,
            reactions=tuple(reactions.values()),
            buttons=tuple(_buttons(message)),
            tick=meta.tick(message, waiting),
        )


def _reactions(messages: Sequence[Message]) -> dict[str, dict[bool, str]]:
    """By message, and whose they are; the last of each stands, and an empty one takes it back."""
    found: dict[str, dict[bool, str]] = {}
    for message in messages:
        if message.type == "reaction":
            standing = found.setdefault(message.content["message_id"], {})
            standing.pop(message.is_ours, None)
            if emoji := message.content.get("emoji"):
                standing[message.is_ours] = emoji
    return found


def _words(message: Message, content: Json) -> str:
    if message.type == "interactive" and not message.is_ours:
        return str(content.get("button_reply", {}).get("title", ""))
    if message.type == "template":
        return f"template {content.get('name', '')}"
    return message.text or ""


def _place(content: Json) -> Place:
    return Place.at(content["latitude"], content["longitude"], content.get("name", ""))


def _buttons(message: Message) -> list[Button]:
    action = message.content.get("action", {}) if message.type == "interactive" and message.is_ours else {}
    return [Button(each["reply"]["title"], each["reply"]["id"]) for each in action.get("buttons", ())]
