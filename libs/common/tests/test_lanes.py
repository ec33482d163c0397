"""Lanes keep order within a key and let keys pass each other; nothing is committed that is not done."""

import asyncio
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import Record
from libs.common.errors import Retry
from libs.common.kafka.offsets import Offsets
from libs.common.lanes import Lanes

KEYS = st.sampled_from([b"a", b"b", b"c"])


def numbered(keys: list[bytes]) -> list[Record]:
    return [Record("topic", 0, offset, key, b"") for offset, key in enumerate(keys)]


class Worker:
    """Handles each record when it is let; keys in `slow` are held back, those in `away` ask to come again once."""

    def __init__(self, slow: bytes = b"", away: frozenset[int] = frozenset()) -> None:
        self.handled: dict[bytes, list[int]] = defaultdict(list)
        self.aside: dict[bytes, list[int]] = defaultdict(list)
        self.given_up: list[int] = []
        self.at_work: dict[bytes, int] = defaultdict(int)
        self.go_on = asyncio.Event()
        self._slow = slow
        self._away = set(away)

    async def handle(self, record: Record) -> None:
        key = record.key or b""
        self.at_work[key] += 1
        assert self.at_work[key] == 1
        await (self.go_on.wait() if key == self._slow else asyncio.sleep(0))
        self.at_work[key] -= 1
        if record.offset in self._away:
            self._away.discard(record.offset)
            raise Retry("away", after_s=0)
        self.handled[key].append(record.offset)

    async def set_aside(self, record: Record) -> None:
        self.aside[record.key or b""].append(record.offset)

    async def give_up(self, record: Record) -> None:
        self.given_up.append(record.offset)


async def until_empty(lanes: Lanes) -> None:
    async with asyncio.timeout(60):
        while lanes.count:
            await asyncio.sleep(0)


@given(st.lists(KEYS, max_size=40), st.frozensets(st.integers(0, 40)), st.integers(1, 50))
def test_each_key_is_handled_whole_and_in_its_order(keys: list[bytes], away: frozenset[int], longest: int) -> None:
    async def run() -> None:
        worker, done = Worker(away=away), list[int]()
        lanes = Lanes(worker, lambda record: done.append(record.offset), longest)
        for record in numbered(keys):
            lanes.put(record)
            if record.offset % 3 == 0:
                await asyncio.sleep(0)
        await until_empty(lanes)
        assert sorted(done) == list(range(len(keys)))
        assert lanes.held == 0
        for key in set(keys):
            theirs = [offset for offset, k in enumerate(keys) if k == key]
            assert worker.handled[key] == sorted(worker.handled[key])
            assert worker.aside[key] == sorted(worker.aside[key])
            assert sorted(worker.handled[key] + worker.aside[key]) == theirs

    asyncio.run(run())


async def test_a_slow_key_holds_up_no_other() -> None:
    worker = Worker(slow=b"a")
    lanes = Lanes(worker, lambda record: None)
    for record in numbered([b"a", b"b", b"a", b"b"]):
        lanes.put(record)
    async with asyncio.timeout(60):
        while worker.handled[b"b"] != [1, 3]:
            await asyncio.sleep(0)
    assert worker.handled[b"a"] == []
    worker.go_on.set()
    await until_empty(lanes)
    assert worker.handled[b"a"] == [0, 2]


async def test_what_is_too_much_for_a_lane_is_kept_elsewhere_behind_what_is_at_work() -> None:
    worker = Worker(slow=b"a")
    lanes = Lanes(worker, lambda record: None, longest=3)
    for record in numbered([b"a"] * 2):
        lanes.put(record)
    await asyncio.sleep(0)
    for record in numbered([b"a"] * 6)[2:]:
        lanes.put(record)
    worker.go_on.set()
    await until_empty(lanes)
    assert (worker.handled[b"a"], worker.aside[b"a"]) == ([0], [1, 2, 3, 4, 5])


async def test_a_closed_lane_says_nothing_of_what_was_at_work() -> None:
    worker, done = Worker(slow=b"a"), list[int]()
    lanes = Lanes(worker, lambda record: done.append(record.offset))
    for record in numbered([b"a", b"b"]):
        lanes.put(record)
    while not done:
        await asyncio.sleep(0)
    await lanes.close(5)
    assert done == [1]


@given(st.data(), st.sets(st.integers(0, 200), min_size=1, max_size=60))
def test_nothing_is_committed_that_is_not_done_and_in_the_end_everything(data: st.DataObject, log: set[int]) -> None:
    """Begun in order and ended in any, with gaps as a log has them."""
    offsets, begun, ended = Offsets(), list[int](), set[int]()
    waiting, committed = sorted(log), 0
    while waiting or len(ended) < len(begun):
        under_way = sorted(set(begun) - ended)
        if waiting and (not under_way or data.draw(st.booleans())):
            begun.append(waiting.pop(0))
            offsets.begin(begun[-1])
        else:
            ended.add(one := data.draw(st.sampled_from(under_way)))
            offsets.done(one)
        if (safe := offsets.to_commit()) is not None:
            assert safe > committed
            assert all(offset in ended for offset in begun if offset < safe)
            offsets.committed(safe)
            committed = safe
    assert committed == max(log) + 1


async def test_what_can_not_even_be_given_up_holds_up_its_own_key_alone() -> None:
    class Stubborn(Worker):
        async def handle(self, record: Record) -> None:
            if record.key == b"a":
                raise ValueError
            await super().handle(record)

        async def give_up(self, record: Record) -> None:
            self.given_up.append(record.offset)
            raise ValueError

    worker = Stubborn()
    lanes = Lanes(worker, lambda record: None, patience_s=0.001)
    for record in numbered([b"a", b"b"]):
        lanes.put(record)
    async with asyncio.timeout(60):
        while worker.handled[b"b"] != [1] or worker.given_up != [0, 0]:
            await asyncio.sleep(0)
    await lanes.close(5)
