"""The checker can fail: a clean history passes, and each way of spoiling it is found by the check made for it."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from tests.ledger.checker import CHECKS, check
from tests.ledger.checker.evidence import Evidence, Stored
from tests.ledger.history import RANKS, Claim, Connection, History, Looked, Page, Sent

COUNT = 6


def scene() -> tuple[History, Evidence]:
    """Ana sends six messages to bo, who is away for the second three and resumes."""
    history = History(run=7, users=["ana", "bo"], conversations=["c"], members=[(0, 1)])
    history.sent = [Sent(0, 0, "socket", 1, sent=10 * i, accepted=10 * i + 5, arrived=10 * i + 7) for i in range(COUNT)]
    stored = [Stored(history.message_id(i), 0, i + 1, "ana", i) for i in range(COUNT)]
    statuses = dict.fromkeys(range(COUNT), "DELIVERED")
    first = Connection(1, 0, opened=1, ready=2, caught_up=3, ended=35, leaving="cut")
    again = Connection(1, 0, opened=40, resumed=first, recovered=True, ready=41, caught_up=42, after="cut")
    for number in (1, 2, 3):
        first.pushes.add(0, number, number - 1, number, 10 * number)
    for number in (4, 5, 6):
        again.pushes.add(0, number, number - 1, number, 10 * number)
        again.receipts.add(0, 1, RANKS["DELIVERED"], number, 10 * number + 1)
    history.connections = [first, again]
    history.claims = [Claim(1, 0, RANKS["DELIVERED"], number, 10 * number) for number in range(1, COUNT + 1)]
    history.looks = [Looked(0, RANKS["SENT"], 6, 7), Looked(0, RANKS["DELIVERED"], 12, 13)]
    return history, Evidence(stored, Counter(s.message_id for s in stored), statuses)


def found(history: History, evidence: Evidence) -> list[str]:
    return [verdict.check for verdict in check(history, evidence) if verdict.count]


def test_a_clean_history_is_clean() -> None:
    assert found(*scene()) == []


def lose(history: History, evidence: Evidence) -> None:
    evidence.stored = evidence.stored[:-1]


def double(history: History, evidence: Evidence) -> None:
    evidence.stored = [*evidence.stored, Stored("another", 0, COUNT + 1, "ana", 0)]


def leave_out_of_the_topic(history: History, evidence: Evidence) -> None:
    del evidence.topic[history.message_id(0)]


def store_refused_twice(history: History, evidence: Evidence) -> None:
    history.sent[0].accepted = 0
    double(history, evidence)


def invent(history: History, evidence: Evidence) -> None:
    evidence.stored = [*evidence.stored, Stored("x", 0, COUNT + 1, "ana", -1)]


def skip_a_number(history: History, evidence: Evidence) -> None:
    evidence.stored = [s._replace(number=s.number + 1) if s.number == COUNT else s for s in evidence.stored]


def give_a_number_twice(history: History, evidence: Evidence) -> None:
    evidence.stored = [s._replace(number=2) if s.number == 3 else s for s in evidence.stored]


def swap(history: History, evidence: Evidence) -> None:
    numbers = {1: 2, 2: 1}
    evidence.stored = [s._replace(number=numbers.get(s.number, s.number)) for s in evidence.stored]


def swap_what_was_written_at_once(history: History, evidence: Evidence) -> None:
    for sent in history.sent:
        sent.sent, sent.accepted = 1, 100
    swap(history, evidence)


def accept_without_the_broker(history: History, evidence: Evidence) -> None:
    history.broker_away = [(5, 100)]


def miss_the_last(history: History, evidence: Evidence) -> None:
    pushes = list(history.connections[1].pushes)[:-1]
    replay(history.connections[1], pushes)


def miss_one_between(history: History, evidence: Evidence) -> None:
    replay(history.connections[1], [p for p in history.connections[1].pushes if p[1] != 5])


def miss_at_the_joint(history: History, evidence: Evidence) -> None:
    replay(history.connections[1], [p for p in history.connections[1].pushes if p[1] != 4])


def miss_what_is_pending(history: History, evidence: Evidence) -> None:
    """Nobody has said that they have 4, and a log-in without resume begins above it."""
    history.connections[1].resumed = history.connections[1].recovered = None
    history.claims = [c for c in history.claims if c.number < 4]
    for connection in history.connections:
        connection.receipts = type(connection.receipts)(5)
    miss_at_the_joint(history, evidence)


def leave_a_hole_in_the_history(history: History, evidence: Evidence) -> None:
    history.connections[1].recovered = False
    history.connections[1].pages = [Page(0, 3, (4, 6))]


def push_twice(history: History, evidence: Evidence) -> None:
    history.connections[1].pushes.add(0, 6, 5, 7, 70)


def push_another(history: History, evidence: Evidence) -> None:
    replay(history.connections[0], [(0, 1, 1, 1, 10), *list(history.connections[0].pushes)[1:]])


def push_to_a_stranger(history: History, evidence: Evidence) -> None:
    history.users.append("eve")
    eve = Connection(2, 0, opened=1, ready=2, caught_up=3, leaving="left", ended=9)
    eve.pushes.add(0, 1, 0, 1, 5)
    history.connections.append(eve)


def receipt_of_nobody(history: History, evidence: Evidence) -> None:
    history.connections[0].receipts.add(0, 1, RANKS["READ"], 1, 34)


def fall(history: History, evidence: Evidence) -> None:
    history.looks.append(Looked(0, RANKS["SENT"], 20, 21))


def end_unfinished(history: History, evidence: Evidence) -> None:
    evidence.statuses = {**evidence.statuses, 2: "SENT"}


def replay(connection: Connection, pushes: list[tuple[int, ...]]) -> None:
    connection.pushes = type(connection.pushes)(5)
    for push in pushes:
        connection.pushes.add(*push)


SPOILED: list[tuple[Callable[[History, Evidence], None], str]] = [
    (lose, "accepted is stored once"),
    (double, "accepted is stored once"),
    (leave_out_of_the_topic, "accepted is in the topic"),
    (store_refused_twice, "refused is stored at most once"),
    (invent, "what is stored was sent"),
    (skip_a_number, "numbers are 1 … n"),
    (give_a_number_twice, "numbers are 1 … n"),
    (swap, "the order of senders holds"),
    (swap_what_was_written_at_once, "the order of senders holds"),
    (accept_without_the_broker, "no 202 without the broker"),
    (miss_the_last, "devices miss nothing"),
    (miss_one_between, "devices miss nothing"),
    (miss_at_the_joint, "devices miss nothing"),
    (miss_what_is_pending, "devices miss nothing"),
    (leave_a_hole_in_the_history, "devices miss nothing"),
    (push_twice, "devices get nothing twice"),
    (push_another, "devices get what is stored"),
    (push_to_a_stranger, "devices get what is stored"),
    (receipt_of_nobody, "receipts are true"),
    (fall, "no status fell"),
    (end_unfinished, "every status is final"),
]


@pytest.mark.parametrize(("spoil", "caught_by"), SPOILED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_spoiled_is_found_by_the_check_made_for_it(
    spoil: Callable[[History, Evidence], None], caught_by: str
) -> None:
    history, evidence = scene()
    spoil(history, evidence)
    assert caught_by in found(history, evidence)


def test_every_check_is_spoiled_by_something() -> None:
    assert {caught_by for _, caught_by in SPOILED} == set(CHECKS)


def test_a_retry_may_be_overtaken_by_what_was_written_after_it() -> None:
    history, evidence = scene()
    history.sent[0].attempts = 2
    for sent in history.sent:
        sent.sent, sent.accepted = 1, 100
    swap(history, evidence)
    assert "the order of senders holds" not in found(history, evidence)


def test_what_another_device_had_acknowledged_need_not_be_pending() -> None:
    history, evidence = scene()
    history.connections[1].resumed = history.connections[1].recovered = None
    history.claims.append(Claim(1, 0, RANKS["DELIVERED"], 4, 15))
    replay(history.connections[1], [p for p in history.connections[1].pushes if p[1] > 4])
    assert found(history, evidence) == []


def test_a_resume_may_repeat_what_came_after_the_offset_it_brought() -> None:
    history, evidence = scene()
    replay(history.connections[1], [(0, 3, 2, 3, 41), *history.connections[1].pushes])
    assert found(history, evidence) == []


@pytest.mark.parametrize("seed", range(5))
def test_examples_are_few_however_much_is_wrong(seed: int) -> None:
    history, evidence = scene()
    evidence.stored = random.Random(seed).sample(list(evidence.stored), 0)
    assert all(len(v.examples) <= 5 for v in check(history, evidence))
