"""Phones of people on Telegram: each alone with the first bot."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import count

from connectors.capabilities import CHANNELS
from connectors.simulator.files import Files, Stored
from connectors.simulator.interface import Impossible
from connectors.simulator.phones.phone import Ability, Bubble, Button, File, Phone, Place
from connectors.simulator.telegram.objects import Json, Message, Person, text_content
from connectors.simulator.telegram.people import People, file_content
from connectors.simulator.telegram.world import FIRST_PERSON, Bot, World

SOME_YEARS_S = 10**9
MOST_TEXT = CHANNELS["telegram"].text.max
FILES = ("document", "photo", "voice", "sticker")


@dataclass(frozen=True)
class TelegramPhones:
    """Whether a phone is on and what was read there concerns nobody else: no bot is told of it."""

    world: World
    channel: str = "telegram"
    title: str = "Telegram"
    abilities: frozenset[Ability] = frozenset(("edit", "reply", "react", "file", "place"))

    @property
    def files(self) -> Files:
        return self.world.files

    @property
    def account(self) -> str:
        return next((bot.first_name for bot in self.world.bots.values()), "")

    def version(self) -> Hashable:
        world, queues = self.world, tuple(len(bot.queue) for bot in self.world.bots.values())
        return id(world.journal), world.journal.last, world.calls.total(), len(world.people), queues

    def people(self) -> Sequence[Phone]:
        owner = next((bot.id for bot in self.world.bots.values()), 0)
        unread, at = Counter[int](), dict[int, float]()
        for (whose, chat, _), message in self.world.messages.items():
            person = self.world.people.get(chat)
            if person and whose == owner and _has_arrived(message, person):
                unread[chat] += message.sender != chat and message.id > person.seen
                at[chat] = float(message.body["date"])
        return [
            Phone(self.channel, str(p.id), p.first_name, unread[p.id], at.get(p.id, 0.0), p.off_since is None)
            for p in self.world.people.values()
        ]

    def add(self, name: str) -> str:
        """Numbers follow the clock, so nobody gets that of somebody who was there before the simulator began anew."""
        first = FIRST_PERSON + int(self.world.clock()) % SOME_YEARS_S
        number = next(n for n in count(first) if n not in self.world.people)
        return str(People(self.world).add(name, number=number).id)

    def bubbles(self, address: str, most: int) -> Sequence[Bubble]:
        person, bot = self._who(address)
        waiting = bot.queue.messages_in(person.id)
        return [self._bubble(m, person, waiting) for m in self._messages(person, bot)[-most:]]

    def say(self, address: str, text: str, reply_to: str | None) -> None:
        person, bot = self._who(address)
        replied = _number(reply_to) if reply_to else None
        People(self.world).say(person, person, bot, text_content(_sayable(text)), replied)

    def send(self, address: str, stored: Stored, text: str | None, base_url: str) -> None:
        person, bot = self._who(address)
        People(self.world).say(person, person, bot, file_content(stored, text, is_photo=False), None)

    def place(self, address: str, latitude: float, longitude: float) -> None:
        person, bot = self._who(address)
        content = {"location": {"latitude": latitude, "longitude": longitude}}
        People(self.world).say(person, person, bot, content, None)

    def react(self, address: str, message: str, emoji: str | None) -> None:
        person, bot = self._who(address)
        People(self.world).react(person, person, bot, _number(message), emoji)

    def press(self, address: str, message: str, data: str) -> None:
        person, bot = self._who(address)
        People(self.world).press(person, person, bot, _number(message), data)

    def edit(self, address: str, message: str, text: str) -> None:
        person, bot = self._who(address)
        People(self.world).edit(person, person, bot, _number(message), _sayable(text))

    def unsend(self, address: str, message: str) -> None:
        raise Impossible("no bot is told of it")

    def look(self, address: str) -> None:
        person, bot = self._who(address)
        person.seen = max((m.id for m in self._messages(person, bot)), default=0)

    def switch(self, address: str, online: bool) -> None:
        person, bot = self._who(address)
        newest = max((m.id for m in self._messages(person, bot)), default=0)
        person.off_since = None if online else newest
        self.world.memory.write_soon()

    def _who(self, address: str) -> tuple[Person, Bot]:
        bot = next(iter(self.world.bots.values()), None)
        if bot is None:
            raise Impossible("there is no bot")
        person = self.world.people.get(int(address)) if address.isdecimal() else None
        if person is None:
            raise Impossible(f"nobody is called {address}")
        return person, bot

    def _messages(self, person: Person, bot: Bot) -> list[Message]:
        every = self.world.messages.items()
        theirs = (m for (owner, chat, _), m in every if (owner, chat) == (bot.id, person.id))
        return [m for m in theirs if _has_arrived(m, person)]

    def _bubble(self, message: Message, person: Person, waiting: frozenset[int]) -> Bubble:
        """A bot has no eyes: what it has got has two ticks."""
        body, mine = message.body, message.sender == person.id
        file, place = self._file(body), body.get("location")
        text = str(body.get("text", body.get("caption", "")))
        return Bubble(
            str(message.id),
            mine,
            float(body["date"]),
            text,
            file,
            Place.at(place["latitude"], place["longitude"]) if place else None,
            what="" if text or file or place else next((k for k in ("contact", "dice", "sticker") if k in body), "?"),
            reply_to=str(body["reply_to_message"]["message_id"]) if "reply_to_message" in body else None,
            edited="edit_date" in body,
            reactions=tuple(r["emoji"] for each in message.reactions.values() for r in each if "emoji" in r),
            buttons=tuple(_buttons(body)),
            tick=("sent" if message.id in waiting else "read") if mine else "",
        )

    def _file(self, body: Json) -> File | None:
        found = next((body[name] for name in FILES if name in body), None)
        if found is None:
            return None
        stored = self.world.files.get((found[-1] if isinstance(found, list) else found)["file_id"])
        return File.of(stored) if stored else None


def _number(message: str) -> int:
    if not (message.isascii() and message.isdecimal()):
        raise Impossible(f"there is no message {message}")
    return int(message)


def _sayable(text: str) -> str:
    if len(text) > MOST_TEXT:
        raise Impossible(f"a text on Telegram has at most {MOST_TEXT:,} characters, not {len(text):,}")
    return text


def _buttons(body: Json) -> list[Button]:
    rows = body.get("reply_markup", {}).get("inline_keyboard", [])
    return [Button(b["text"], b["callback_data"]) for row in rows for b in row if "callback_data" in b]


def _has_arrived(message: Message, person: Person) -> bool:
    """What waits for a phone that is off is not on it."""
    return person.off_since is None or message.sender == person.id or message.id <= person.off_since
