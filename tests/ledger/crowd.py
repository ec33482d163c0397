"""The people of a run: registered, logged in, in private and in group conversations, with devices of many habits."""

import asyncio
import random
import secrets
from dataclasses import dataclass

from tests.ledger.device import Device, Habits
from tests.ledger.gateway import Caller
from tests.ledger.history import History
from tests.ledger.platform import Platform
from tests.ledger.sender import Sender
from tests.registered import registered

USERS = 16
GROUPS = 4
MOST_IN_GROUP = 9
STEADY = Habits(stays_s=0, acks_after_s=0, reads=0.3)
HABITS = (
    STEADY,
    Habits(stays_s=5, acks_after_s=0, reads=0.0),
    Habits(stays_s=0, acks_after_s=0.3, reads=0.5),
    Habits(stays_s=8, acks_after_s=0.5, reads=0.2),
)
SECOND = Habits(stays_s=6, acks_after_s=-1, reads=0.0)
"""Of every third user's second device: it comes and goes, and leaves acknowledging to the first."""


@dataclass
class Crowd:
    url: str
    devices: list[Device]
    senders: list[Sender]
    callers: list[Caller]

    def close(self) -> None:
        for device in self.devices:
            device.close()
        for caller in self.callers:
            caller.close()


async def gather(target: Platform, history: History, chance: random.Random) -> Crowd:
    """Everybody is known to the platform afterwards; nobody is connected."""
    history.users += [f"ledger-{history.run:08x}-{number}" for number in range(USERS)]
    url, password = target.url, secrets.token_urlsafe(12)
    await registered(target.direct["PARLEY_ETCD"], password, *history.users)
    callers = await asyncio.gather(*(_log_in(url, name, password) for name in history.users))
    await _converse(history, callers, chance)
    devices = [_device(history, url, callers, user, 0, HABITS[user % len(HABITS)], chance) for user in range(USERS)]
    seconds = [_device(history, url, callers, user, 1, SECOND, chance) for user in range(0, USERS, 3)]
    senders = [
        Sender(history, device, callers[device.user], _conversations(history, device.user), _seed(chance))
        for device in devices
    ]
    return Crowd(url, [*devices, *seconds], senders, callers)


async def _log_in(url: str, name: str, password: str) -> Caller:
    caller = Caller(url)
    credentials = {"grant_type": "password", "username": name, "password": password}
    caller.token = (await caller.insist("POST", "/v1/auth/token", credentials))["access_token"]
    return caller


async def _converse(history: History, callers: list[Caller], chance: random.Random) -> None:
    """A ring of pairs, so that everybody has two, and groups; each has one member whose device stays."""
    pairs = [("private", (user, (user + 1) % USERS)) for user in range(USERS)]
    sizes = [chance.randint(3, MOST_IN_GROUP) for _ in range(GROUPS)]
    groups = [("group", tuple(sorted(chance.sample(range(USERS), size)))) for size in sizes]
    for kind, members in [*pairs, *groups]:
        body = {"type": kind, "members": [history.users[user] for user in members[1:]]}
        made = await callers[members[0]].insist("POST", "/v1/conversations", body)
        history.conversations.append(made["conversation_id"])
        history.members.append(members)


def _conversations(history: History, user: int) -> list[int]:
    return [index for index, members in enumerate(history.members) if user in members]


def _device(
    history: History, url: str, callers: list[Caller], user: int, number: int, habits: Habits, chance: random.Random
) -> Device:
    return Device(history, url, callers[user].token, user, number, habits, _seed(chance))


def _seed(chance: random.Random) -> random.Random:
    return random.Random(chance.random())
