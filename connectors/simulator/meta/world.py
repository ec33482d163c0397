"""What a platform of Meta's knows, whichever it is: accounts, people, their messages, and what is wrong on purpose."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from connectors.simulator.faults import Faults
from connectors.simulator.files import Files
from connectors.simulator.interface import Impossible, Json
from connectors.simulator.journal import Journal, What
from connectors.simulator.memory import Memory
from connectors.simulator.meta.errors import bad_token
from connectors.simulator.meta.kinds import Named
from connectors.simulator.meta.outlet import Outlet

MOST_BROUGHT = 20_000


class AnAccount(Protocol):
    id: str
    token: str
    name: str
    outlet: Outlet


class APerson(Protocol):
    """`wrote_at`: when they last wrote to an account; `blocked`: the accounts that they shut out."""

    first_name: str
    is_online: bool
    wrote_at: dict[str, float]
    blocked: set[str]

    @property
    def id(self) -> str: ...


class AMessage(Protocol):
    """`sent_at` is Unix time. `is_read` is of either side; `has_arrived`: it is on the person's phone."""

    account: str
    person: str
    is_ours: bool
    reply_to: str | None

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def text(self) -> str | None: ...

    @property
    def sent_at(self) -> float: ...

    @property
    def is_read(self) -> bool: ...

    @property
    def is_unsent(self) -> bool: ...

    @property
    def has_arrived(self) -> bool: ...


Kind = TypeVar("Kind", bound=Named)
Account = TypeVar("Account", bound=AnAccount)
Person = TypeVar("Person", bound=APerson)
Message = TypeVar("Message", bound=AMessage)
Brought = TypeVar("Brought")
Limits = TypeVar("Limits")
Value = TypeVar("Value")
Packing = Callable[[Sequence[Json]], Json]


@dataclass
class World(Generic[Kind, Account, Person, Message, Brought, Limits]):
    """`brought` are files that calls name by an id. `changed` is called when an event waits or a webhook is another."""

    kind: Kind
    new_limits: Callable[[], Limits]
    clock: Callable[[], float]
    dice: random.Random
    files: Files
    most_messages: int = 20_000
    most_entries: int = 20_000
    most_updates: int = 20_000
    people_so_far: int = 0
    changed: Callable[[], None] = lambda: None
    memory: Memory = field(default_factory=lambda: Memory(None))
    accounts: dict[str, Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self, keep_accounts: bool = False) -> None:
        """Forgets all but how many people there have been; or all but the accounts, with their webhooks."""
        for account in self.accounts.values():
            account.outlet.clear()
        if not keep_accounts:
            self.accounts.clear()
        self.people: dict[str, Person] = {}
        self.messages: dict[str, Message] = {}
        self.brought: dict[str, Brought] = {}
        self.calls: Counter[str] = Counter()
        self.journal = Journal(self.most_entries)
        self.limits = self.new_limits()
        self.faults = Faults(self.clock, self.dice)
        self.files.clear()
        self.changed()
        self.memory.write()

    def outlet(self, pack: Packing, app_secret: str) -> Outlet:
        """Of a new account; `pack` makes one body of what is told together."""
        return Outlet(
            pack,
            app_secret,
            self.clock,
            self.dice,
            lambda: self.faults,
            self.most_updates,
            changed=lambda: self.changed(),
        )

    def account(self, account_id: str | None) -> Account:
        """The only one, where none is named. Raises `Impossible`."""
        noun = self.kind.one.partition(" ")[2]
        accounts = [each for each in self.accounts.values() if account_id in (None, each.id)]
        if len(accounts) != 1:
            raise Impossible(f"there are several {noun}s: say which" if accounts else f"there is no such {noun}")
        return accounts[0]

    def with_token(self, token: str) -> Account:
        """Raises `GraphError`."""
        found = next((each for each in self.accounts.values() if each.token == token), None)
        if found is None:
            raise bad_token()
        return found

    def stand(self, message: Message) -> Message:
        """It is the newest now; beyond the bound the oldest is forgotten."""
        put(self.messages, message.id, message, self.most_messages)
        return message

    def bring(self, file_id: str, file: Brought) -> str:
        put(self.brought, file_id, file, MOST_BROUGHT)
        return file_id

    def between(self, account: str, person: str) -> list[Message]:
        """What stands in the conversation, the newest last."""
        return [m for m in self.messages.values() if (m.account, m.person) == (account, person)]

    def ours(self, account: str, person: str) -> list[Message]:
        return [m for m in self.between(account, person) if m.is_ours]

    def last(self, account: str, person: str, is_ours: bool | None = None) -> Message | None:
        """The newest that stands in the conversation, of either side or of one."""
        found = (m for m in reversed(self.messages.values()) if (m.account, m.person) == (account, person))
        return next((m for m in found if is_ours in (None, m.is_ours) and not m.is_unsent), None)

    def last_id(self, account: str, person: str, is_ours: bool = True) -> str:
        """Raises `Impossible` where there is none."""
        found = self.last(account, person, is_ours)
        if found is None:
            raise Impossible(f"there is no such message in the chat with {person}")
        return found.id

    def note(self, what: What, message: Message, **more: Any) -> None:
        head = {"bot": message.account, "chat": message.person, "message_id": message.id}
        sender = message.account if message.is_ours else message.person
        fields = {"sender": sender, "kind": message.kind, "text": message.text, "reply_to": message.reply_to, **more}
        self.journal.note(self.clock(), what, **head, **fields)


def put(items: dict[str, Value], key: str, value: Value, most: int) -> None:
    """The oldest go beyond `most`."""
    items[key] = value
    while len(items) > most:
        del items[next(iter(items))]
