"""A failing batch is taken apart until only what fails alone is rejected."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import Record, Rejected, settle
from libs.common.errors import Reject, Retry


def record(offset: int) -> Record:
    return Record("topic", 0, offset, None, b"")


class Brittle:
    """Fails as a whole when a batch holds a bad record, as an insert does."""

    def __init__(self, bad: set[int], failure: Exception) -> None:
        self.handled: list[int] = []
        self._bad = bad
        self._failure = failure

    async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        if any(r.offset in self._bad for r in batch):
            raise self._failure.with_traceback(None)
        self.handled += [r.offset for r in batch]
        return []

    async def checkpoint(self) -> None: ...

    def forget(self) -> None: ...


@given(st.integers(1, 40), st.sets(st.integers(0, 39)), st.sampled_from([ValueError(), Reject("bad")]))
async def test_exactly_what_fails_alone_is_rejected_and_the_rest_is_done_in_order(
    count: int, bad: set[int], failure: Exception
) -> None:
    handler = Brittle(bad, failure)
    rejected = await settle(handler, [record(n) for n in range(count)])
    assert [r.record.offset for r in rejected] == [n for n in range(count) if n in bad]
    assert handler.handled == [n for n in range(count) if n not in bad]


@pytest.mark.parametrize(
    ("failure", "reason"), [(Reject("refused_by_store"), "refused_by_store"), (ValueError(), "handler_failed")]
)
async def test_the_reason_is_told(failure: Exception, reason: str) -> None:
    (rejected,) = await settle(Brittle({1}, failure), [record(n) for n in range(3)])
    assert rejected.reason == reason


async def test_not_now_is_never_a_rejection() -> None:
    with pytest.raises(Retry):
        await settle(Brittle({1}, Retry("a dependency")), [record(n) for n in range(3)])


@pytest.mark.parametrize(("failures", "rejected"), [(1, 0), (2, 0), (3, 1)])
async def test_a_bug_that_passes_is_no_rejection(failures: int, rejected: int) -> None:
    """What fails alone is tried three times, and the handler remembers nothing of a failure."""

    class Moody(Brittle):
        left, forgotten = failures, 0

        async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            if self.left:
                self.left -= 1
                raise self._failure
            return await super().handle(batch)

        def forget(self) -> None:
            self.forgotten += 1

    handler = Moody(set(), ValueError())
    assert len(await settle(handler, [record(1)])) == rejected
    assert handler.handled == [1] * (1 - rejected)
    assert handler.forgotten == failures


async def test_what_is_refused_is_not_tried_again() -> None:
    class Counting(Brittle):
        tries = 0

        async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            self.tries += 1
            return await super().handle(batch)

    handler = Counting({1}, Reject("bad"))
    assert len(await settle(handler, [record(1)])) == 1
    assert handler.tries == 1


async def test_not_now_is_said_also_where_a_batch_was_taken_apart() -> None:
    """The first half is done; all of it comes again."""

    class Dependent(Brittle):
        async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            if len(batch) == 1 and batch[0].offset == 3:
                raise Retry("a dependency")
            return await super().handle(batch)

    with pytest.raises(Retry):
        await settle(Dependent({1, 3}, ValueError()), [record(n) for n in range(4)])


async def test_what_a_handler_rejects_itself_passes_through() -> None:
    class Choosy(Brittle):
        async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            return [Rejected(r, "odd") for r in batch if r.offset % 2]

    rejected = await settle(Choosy(set(), ValueError()), [record(n) for n in range(4)])
    assert [r.record.offset for r in rejected] == [1, 3]


def test_a_replayed_record_stands_where_it_stood_first() -> None:
    replayed = Record("topic", 3, 9, None, b"", {"dlq_origin": b"topic/0/7"})
    assert (record(7).source, replayed.source) == ("topic/0/7", "topic/0/7")
