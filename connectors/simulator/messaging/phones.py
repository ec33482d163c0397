"""Phones of people on Messenger and Instagram."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from connectors.simulator.files import Files, Stored
from connectors.simulator.interface import Impossible
from connectors.simulator.messaging.objects import Message
from connectors.simulator.messaging.people import People, shown_file
from connectors.simulator.messaging.world import World
from connectors.simulator.meta import phones as meta
from connectors.simulator.phones.phone import Ability, Bubble, Button, File, Phone, Tick


@dataclass(frozen=True)
class MessagingPhones:
    world: World

    abilities: frozenset[Ability] = frozenset(("edit", "unsend", "reply", "react", "file"))

    @property
    def channel(self) -> str:
        return self.world.kind.name

    @property
    def title(self) -> str:
        return self.world.kind.channel.title

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
        return People(self.world).add(name).id

    def bubbles(self, address: str, most: int) -> Sequence[Bubble]:
        person, account = meta.ends(self.world, address)
        told = (body.get("message", {}) for body in account.outlet.waiting())
        waiting = frozenset(message["mid"] for message in told if "mid" in message)
        return [self._bubble(m, waiting) for m in meta.on_phone(self.world, person, account)[-most:]]

    def say(self, address: str, text: str, reply_to: str | None) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).say(person, account, reply_to, text=text)

    def send(self, address: str, stored: Stored, text: str | None, base_url: str) -> None:
        person, account = meta.ends(self.world, address)
        shown = shown_file(self.world, stored, base_url)
        People(self.world).say(person, account, text=text, attachments=shown, stored=stored)

    def place(self, address: str, latitude: float, longitude: float) -> None:
        raise Impossible("people send no places there")

    def react(self, address: str, message: str, emoji: str | None) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).react(person, account, message, emoji)

    def press(self, address: str, message: str, data: str) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).press(person, account, message, data)

    def edit(self, address: str, message: str, text: str) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).edit(person, account, message, text)

    def unsend(self, address: str, message: str) -> None:
        person, account = meta.ends(self.world, address)
        People(self.world).unsend(person, account, message)

    def look(self, address: str) -> None:
        person, account = meta.ends(self.world, address)
        if meta.has_unread(self.world, person, account):
            People(self.world).read(person, account)

    def switch(self, address: str, online: bool) -> None:
        person, account = meta.ends(self.world, address)
        person.is_online = online
        self.world.memory.write_soon()
        if online:
            People(self.world).deliver(person, account)

    def _bubble(self, message: Message, waiting: frozenset[str]) -> Bubble:
        stored = message.stored
        return Bubble(
            message.mid,
            not message.is_ours,
            message.sent_at,
            message.text or "",
            File.of(stored) if stored else None,
            link="" if stored else next((each["payload"].get("url", "") for each in message.attachments), ""),
            what="" if message.text or stored else message.kind,
            reply_to=message.reply_to,
            edited=bool(message.edits),
            gone=message.is_unsent,
            reactions=tuple(message.reactions.values()),
            buttons=tuple(Button(each["title"], each["payload"]) for each in message.quick_replies),
            tick=self._tick(message, waiting),
        )

    def _tick(self, message: Message, waiting: frozenset[str]) -> Tick:
        """Instagram shows nothing before it is seen."""
        return "" if self.channel == "instagram" and not message.is_read else meta.tick(message, waiting)
