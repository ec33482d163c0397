"""The queue of updates: order within a chat, chats apart, the platform's schedule, and an end after a day."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connectors.simulator.telegram.updates import DAY_S, Pending, UpdateQueue


def queue(most: int = 1_000) -> UpdateQueue:
    return UpdateQueue(random.Random(7), most)


def update(number: int, chat: int, at: float = 0.0, copies: int = 1) -> Pending:
    return Pending(number, chat, {"update_id": number}, at + DAY_S, at, copies)


def test_a_chat_waits_for_its_own_update_and_for_no_other() -> None:
    updates = queue()
    for number, chat in enumerate([1, 1, 2], 1):
        updates.add(update(number, chat))
    first, second = updates.take(0.0), updates.take(0.0)
    assert [each.update_id for each in (first, second) if each] == [1, 3]
    assert updates.take(0.0) is None


def test_the_first_retry_is_at_once_and_then_the_wait_doubles_up_to_two_minutes() -> None:
    updates, now, waits = queue(), 0.0, []
    updates.add(update(1, 1))
    for _ in range(12):
        pending = updates.take(now)
        assert pending
        updates.failed(pending, now)
        waits.append(pending.wakeup_at - now)
        now = pending.wakeup_at
    assert waits[:6] == [0, 2, 4, 8, 16, 32]
    assert all(60 <= wait <= 120 for wait in waits[6:])


def test_retry_after_is_obeyed_up_to_an_hour() -> None:
    updates = queue()
    updates.add(update(1, 1))
    for asked, waited in ((30, 30), (100_000, 3_600)):
        now = updates.wakes_at() or 0.0
        pending = updates.take(now)
        assert pending
        updates.failed(pending, now, asked)
        assert pending.wakeup_at - now == waited


def test_an_update_dies_after_a_day_and_its_chat_goes_on() -> None:
    updates, now = queue(), 0.0
    updates.add(update(1, 1))
    updates.add(update(2, 1, at=DAY_S / 2))
    tries = 0
    while (pending := updates.take(now)) and pending.update_id == 1:
        tries += 1
        updates.failed(pending, now)
        now = updates.wakes_at() or now
    assert pending
    assert pending.update_id == 2
    assert updates.expired == 1
    assert DAY_S / 120 < tries < DAY_S / 60 + 10


def test_a_double_comes_before_what_follows_it() -> None:
    updates = queue()
    updates.add(update(1, 1, copies=2))
    updates.add(update(2, 1))
    seen = []
    while pending := updates.take(0.0):
        seen.append(pending.update_id)
        updates.done(pending, 0.0)
    assert seen == [1, 1, 2]


def test_for_a_new_receiver_all_is_due_but_what_is_held_back() -> None:
    updates = queue()
    updates.add(update(1, 1))
    updates.add(update(2, 2, at=50.0))
    pending = updates.take(0.0)
    assert pending
    updates.failed(pending, 0.0, 3_600)
    updates.try_again()
    assert updates.take(0.0) is pending
    assert updates.take(0.0) is None
    assert updates.wakes_at() == 50.0


def test_who_asks_sees_each_chat_in_order_and_confirms_what_it_has() -> None:
    updates = queue()
    for number, chat, at in ((1, 1, 50.0), (2, 1, 0.0), (3, 2, 0.0)):
        updates.add(update(number, chat, at))
    assert [each.update_id for each in updates.waiting(0.0, 100)] == [3]
    assert [each.update_id for each in updates.waiting(50.0, 2)] == [1, 2]
    updates.confirm(3)
    assert [each.update_id for each in updates.waiting(50.0, 100)] == [3]


def test_what_does_not_fit_pushes_out_the_oldest_and_is_counted() -> None:
    updates = queue(most=3)
    for number in range(1, 6):
        updates.add(update(number, number % 2))
    assert [each.update_id for each in updates.waiting(0.0, 100)] == [3, 4, 5]
    assert updates.dropped == 2


def test_a_queue_that_nobody_empties_keeps_no_rubbish() -> None:
    updates = queue(most=10)
    for number in range(1, 20_000):
        updates.add(update(number, number % 50))
    assert len(updates) == 10
    assert len(updates._lanes) <= 10
    assert len(updates._due) < 2_000


class Deliveries(RuleBasedStateMachine):
    """Whatever order sends end in, each chat gets each update, in order, one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.updates, self.now, self.last = queue(), 0.0, 0
        self.sent: dict[int, list[int]] = {}
        self.under_way: dict[int, Pending] = {}
        self.added: dict[int, list[int]] = {}

    @rule(chat=st.integers(1, 3), late=st.sampled_from([0.0, 5.0]))
    def add(self, chat: int, late: float) -> None:
        self.last += 1
        self.added.setdefault(chat, []).append(self.last)
        self.updates.add(update(self.last, chat, self.now + late))

    @rule()
    def take(self) -> None:
        if pending := self.updates.take(self.now):
            assert pending.lane not in self.under_way
            self.under_way[pending.lane] = pending

    @rule(chat=st.integers(1, 3), is_ok=st.booleans())
    def end(self, chat: int, is_ok: bool) -> None:
        if pending := self.under_way.pop(chat, None):
            if is_ok:
                self.sent.setdefault(chat, []).append(pending.update_id)
                self.updates.done(pending, self.now)
            else:
                self.updates.failed(pending, self.now)

    @rule(by=st.floats(0, 10))
    def wait(self, by: float) -> None:
        self.now += by

    @invariant()
    def each_chat_is_in_order(self) -> None:
        for chat, sent in self.sent.items():
            assert sent == self.added[chat][: len(sent)]

    def teardown(self) -> None:
        for chat in list(self.under_way):
            self.end(chat, True)
        for _ in range(40):
            self.now += 200
            self.take()
            for chat in list(self.under_way):
                self.end(chat, True)
        assert self.sent == self.added


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=40, stateful_step_count=30)


@given(st.lists(st.integers(1, 30), max_size=30))
def test_confirming_in_any_steps_loses_nothing_that_comes_later(steps: list[int]) -> None:
    updates = queue()
    for number in range(1, 31):
        updates.add(update(number, number % 4))
    for step in steps:
        updates.confirm(step)
    top = max(steps, default=0)
    assert [each.update_id for each in updates.waiting(0.0, 100)] == list(range(max(1, top), 31))
