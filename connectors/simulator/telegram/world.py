"""What the platform knows: bots, people, groups, their messages, and the updates that follow from what happens."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from connectors.capabilities import CHANNELS
from connectors.formats.telegram import UPDATE_KINDS, check_update
from connectors.simulator.faults import Faults
from connectors.simulator.files import Files
from connectors.simulator.journal import Journal
from connectors.simulator.limits import FloodLimits, rates_of
from connectors.simulator.memory import Memory
from connectors.simulator.telegram.numbers import Numbers
from connectors.simulator.telegram.objects import Group, Json, Message, Person, bot_user, kind_of, present, quoted
from connectors.simulator.telegram.updates import DAY_S, Pending, UpdateQueue

ONLY_WHEN_ASKED = ("chat_member", "message_reaction", "message_reaction_count")
BY_DEFAULT = tuple(kind for kind in UPDATE_KINDS if kind not in ONLY_WHEN_ASKED)
PLATFORM_RATES = rates_of(CHANNELS["telegram"])
FIRST_PERSON = 5_000_000_001  # more than 32 bits, as the ids of new accounts have
FIRST_GROUP = 4_000_000_001
FIRST_SUPERGROUP = 1_000_000_000_001


@dataclass
class Webhook:
    """An empty `url` is none. `allowed` outlives the webhook, as on the platform."""

    url: str = ""
    secret_token: str = ""
    max_connections: int = 40
    ip_address: str | None = None
    has_certificate: bool = False
    gone_since: float | None = None
    last_error_at: float | None = None
    last_error: str | None = None


@dataclass
class Bot:
    id: int
    token: str
    first_name: str
    username: str
    queue: UpdateQueue
    sees_all: bool = False
    webhook: Webhook = field(default_factory=Webhook)
    allowed: tuple[str, ...] = BY_DEFAULT
    polls: int = 0

    def as_user(self) -> Json:
        return bot_user(self.id, self.first_name, self.username)


@dataclass
class World:
    """`changed` is called whenever an update waits or a webhook is another."""

    clock: Callable[[], float]
    dice: random.Random
    files: Files
    most_messages: int = 20_000
    most_entries: int = 20_000
    most_updates: int = 20_000
    changed: Callable[[], None] = lambda: None
    memory: Memory = field(default_factory=lambda: Memory(None))
    numbers: Numbers = field(init=False)
    bots: dict[str, Bot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.numbers = Numbers(self.clock)
        self.clear()

    def clear(self, keep_accounts: bool = False) -> None:
        """Forgets all but the numbers, which go on; or all but these and the bots, with their webhooks."""
        for bot in self.bots.values():
            bot.queue.clear()
        if not keep_accounts:
            self.bots.clear()
        self.people: dict[int, Person] = {}
        self.groups: dict[int, Group] = {}
        self.messages: dict[tuple[int, int, int], Message] = {}
        self.presses: dict[str, tuple[int, float]] = {}
        self.calls: Counter[str] = Counter()
        self.journal = Journal(self.most_entries)
        self.limits = FloodLimits(PLATFORM_RATES)
        self.faults = Faults(self.clock, self.dice)
        self.files.clear()
        self.changed()
        self.memory.write()

    def add_bot(self, token: str, first_name: str, username: str, sees_all: bool = False) -> Bot:
        bot = Bot(
            int(token.partition(":")[0]),
            token,
            first_name,
            username,
            UpdateQueue(self.dice, self.most_updates),
            sees_all,
        )
        self.bots[token] = bot
        return bot

    def bot_by_id(self, bot: int) -> Bot | None:
        return next((each for each in self.bots.values() if each.id == bot), None)

    def user(self, user: int) -> Json:
        bot = self.bot_by_id(user)
        return bot.as_user() if bot else self.people[user].as_user()

    def owner(self, bot: int, chat: int) -> int:
        return 0 if chat in self.groups else bot

    def message(self, bot: int, chat: int, message_id: int) -> Message | None:
        return self.messages.get((self.owner(bot, chat), chat, message_id))

    def post(self, bot: int, chat: Person | Group, sender: Json, content: Json, reply_to: Message | None) -> Message:
        """A new message of this chat; in a private one numbers are those of all the bot's private chats."""
        owner = self.owner(bot, chat.id)
        number = self.numbers.next(("messages", owner or chat.id))
        head = {"message_id": number, "from": sender, "chat": chat.as_chat(), "date": int(self.clock())}
        reply = {"reply_to_message": quoted(reply_to.body) if reply_to else None}
        message = Message(owner, {**head, **present(reply), **content})
        self.messages[(owner, chat.id, number)] = message
        while len(self.messages) > self.most_messages:
            del self.messages[next(iter(self.messages))]
        return message

    def note(self, what: Any, bot: int | None, message: Message, **more: Any) -> None:
        body = message.body
        reply_to = body.get("reply_to_message", {}).get("message_id")
        text = body.get("text", body.get("caption"))
        fields = {"sender": message.sender, "kind": kind_of(body), "text": text, "reply_to": reply_to, **more}
        self.journal.note(self.clock(), what, bot=bot, chat=message.chat, message_id=message.id, **fields)

    def tell(self, bot: Bot, kind: str, chat: int, content: Json) -> int | None:
        """The id of the update that the bot will get; None where it has not asked for this kind."""
        if kind not in bot.allowed:
            return None
        update = {"update_id": self.numbers.next(("updates", bot.id)), kind: content}
        if wrong := check_update(update):
            raise AssertionError(f"an update that Telegram would not send: {wrong}")
        return self.enqueue(bot, chat, update)

    def enqueue(self, bot: Bot, chat: int, update: Json) -> int:
        now, faults = self.clock(), self.faults
        late = faults.hit_either("late", chat=chat)
        mixed = faults.hit_either("disorder", chat=chat)
        wait = (late.seconds if late else 0) + (self.dice.uniform(0, mixed.seconds) if mixed else 0)
        copies = 2 if faults.hit_either("double", chat=chat) else 1
        bot.queue.add(Pending(update["update_id"], chat, update, now + DAY_S, now + wait, copies))
        self.changed()
        return int(update["update_id"])

    def bots_of(self, group: Group) -> Iterator[Bot]:
        return (bot for bot in self.bots.values() if group.has(bot.id))
