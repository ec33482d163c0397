"""Checks of what devices saw: an unbroken stream per conversation from log-in over every resume to the end."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.ledger.checker.evidence import Evidence
from tests.ledger.history import Claim, Connection, History, Push, Told

DELIVERED = 3


class Claims:
    """How far a user's devices may have said that they have a conversation, by a given time."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self._times: dict[tuple[int, int], list[int]] = {}
        self._highest: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        for claim in sorted(claims, key=lambda c: c.at):
            for rank in range(DELIVERED, claim.rank + 1):
                highest = self._highest.setdefault((claim.user, claim.conversation, rank), [])
                if not highest or highest[-1][1] < claim.number:
                    highest.append((claim.at, claim.number))

    def by(self, user: int, conversation: int, at: int, rank: int = DELIVERED) -> int:
        highest = self._highest.get((user, conversation, rank), [])
        index = bisect_right(highest, at, key=lambda entry: entry[0])
        return highest[index - 1][1] if index else 0


def nothing_is_missed(history: History, evidence: Evidence) -> Iterator[str]:
    """Each connection goes on where it resumed, or begins no higher than where the user's devices claimed to be."""
    claims, last = Claims(history.claims), evidence.last_numbers(history)
    reached: dict[int, dict[int, int]] = {}
    for connection in history.connections:
        if not connection.ready:
            continue
        so_far = _start(connection, reached, claims, history)
        yield from _gaps(history, connection, so_far)
        reached[id(connection)] = so_far
        if connection.leaving == "open":
            for conversation, number in so_far.items():
                if number < last[conversation]:
                    yield f"{_name(history, connection)} stayed to the end and has {number} of {last[conversation]}"


def _start(
    connection: Connection, reached: dict[int, dict[int, int]], claims: Claims, history: History
) -> dict[int, int]:
    """conversation → the number that the device needs nothing below of."""
    mine = [c for c, members in enumerate(history.members) if connection.user in members]
    if connection.resumed is not None and connection.recovered:
        return dict(reached[id(connection.resumed)])
    at = connection.caught_up or connection.ended
    start = {c: claims.by(connection.user, c, at) for c in mine}
    for page in connection.pages:
        start[page.conversation] = page.numbers[-1] if page.numbers else page.since
    return start


def _gaps(history: History, connection: Connection, so_far: dict[int, int]) -> Iterator[str]:
    """Moves `so_far` on; the first number of a connection may repeat, the others are one more each."""
    begun: dict[int, int] = {}
    for push in map(Push._make, connection.pushes):
        before, had = begun.get(push.conversation), so_far.get(push.conversation, 0)
        if before is None and push.number > had + 1:
            where = history.conversations[push.conversation]
            yield f"{_name(history, connection)} begins {where} with {push.number} after {had}"
        if before is not None and push.number > before + 1:
            yield f"{_name(history, connection)} got {push.number} after {before}"
        begun[push.conversation] = max(push.number, before or 0)
        so_far[push.conversation] = max(had, push.number)
    for page in connection.pages:
        for before, number in pairwise((page.since, *page.numbers)):
            if number != before + 1:
                yield f"{_name(history, connection)} read {number} after {before} in the history"


def nothing_comes_twice(history: History, evidence: Evidence) -> Iterator[str]:
    """In one connection no message repeats, and none comes after a later one."""
    for connection in history.connections:
        highest: dict[int, int] = {}
        for push in map(Push._make, connection.pushes):
            if push.number <= highest.get(push.conversation, 0):
                yield f"{_name(history, connection)} got {push.number} after {highest[push.conversation]}"
            highest[push.conversation] = max(push.number, highest.get(push.conversation, 0))


def frames_are_true(history: History, evidence: Evidence) -> Iterator[str]:
    """The message that was pushed with a number is the one that is stored with it, and for members alone."""
    for connection in history.connections:
        for push in map(Push._make, connection.pushes):
            if evidence.at.get((push.conversation, push.number)) != push.message:
                yield f"{_name(history, connection)} got another message as {push.number} than is stored"
            if connection.user not in history.members[push.conversation]:
                yield f"{_name(history, connection)} got a message of a conversation of others"


def receipts_are_true(history: History, evidence: Evidence) -> Iterator[str]:
    """Nobody is said to have (to have read) more than one of their devices claimed."""
    claims = Claims(history.claims)
    for connection in history.connections:
        for told in map(Told._make, connection.receipts):
            if told.number > claims.by(told.user, told.conversation, told.at, told.rank):
                who = history.users[told.user]
                yield f"{_name(history, connection)} was told that {who} has {told.number}: nobody said so"


def _name(history: History, connection: Connection) -> str:
    after = f", {connection.after}" if connection.after else ""
    return f"{history.users[connection.user]}'s device {connection.device}{after}"
