"""What is recorded of a trace, and that nothing is where nobody records."""

from collections.abc import Iterator

import pytest

from libs.common import tracing
from libs.common.bus import Record
from libs.common.errors import Problem
from libs.common.sampling import Sampler, is_sampled
from libs.common.telemetry import traceparent
from libs.common.tracing import Span

TRACE = "0af7651916cd43dd8448eb211c80319c"
ASKED, UNASKED = f"00-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b7-00"


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    """What is recorded, of everything."""
    kept: list[Span] = []
    with tracing.recording(kept.append, Sampler(1.0)):
        yield kept


def record_of(trace: str, offset: int = 7, topic: str = "message.events") -> Record:
    return Record(topic, 3, offset, None, b"", {"traceparent": trace.encode(), "ce_id": b"m1"})


def test_without_a_receiver_nobody_can_ask_for_a_trace() -> None:
    assert not is_sampled(tracing.enter(ASKED))
    assert tracing.enter(ASKED)[3:35] == TRACE


def test_everything_is_free_where_nothing_is_recorded() -> None:
    traceparent.set(ASKED)
    assert tracing.span("work", "internal", {}, ASKED) is tracing.edge("work", {}) is tracing.NOTHING
    assert tracing.sending("message.events", "c1") is tracing.NOTHING
    assert tracing.processing("message.events", "router", [record_of(ASKED)]) is tracing.NOTHING
    assert tracing.follow([record_of(ASKED)]) is tracing.NOBODY


def test_what_is_not_sampled_leaves_no_span(spans: list[Span]) -> None:
    traceparent.set(UNASKED)
    with (
        tracing.edge("work", {}),
        tracing.span("work", "internal", {}, UNASKED),
        tracing.processing("message.events", "router", [record_of(UNASKED)]),
    ):
        assert traceparent.get() == UNASKED
    with tracing.follow([record_of(UNASKED)]).step("store", "consumer", {}) as stored:
        assert stored.of(record_of(UNASKED)) == ""
    assert spans == []


def test_a_span_is_the_child_of_what_it_is_in(spans: list[Span]) -> None:
    outer = tracing.enter(ASKED)
    traceparent.set(outer)
    with tracing.sending("message.events", "c1", "m1"):
        inner = traceparent.get()
    assert traceparent.get() == outer
    [sent] = spans
    assert (sent.name, sent.trace, sent.parent) == ("send message.events", inner, outer)
    assert sent.attributes["messaging.message.id"] == "m1"
    assert inner[3:35] == TRACE


def test_a_failure_leaves_its_type_and_not_its_words(spans: list[Span]) -> None:
    with pytest.raises(RuntimeError), tracing.span("work", "internal", {}, ASKED):
        raise RuntimeError("a secret")
    assert spans[0].error == "RuntimeError"
    assert "secret" not in repr(spans)


def test_what_a_client_did_wrong_is_no_error(spans: list[Span]) -> None:
    traceparent.set(tracing.enter(None))
    with pytest.raises(Problem), tracing.edge("socket send", {}):
        raise Problem(404, "not_found", "There is no such conversation.")
    [span] = spans
    assert (span.name, span.trace, span.parent, span.error) == ("socket send", traceparent.get(), "", "")


def test_a_batch_is_a_trace_of_its_own_linked_to_those_it_goes_on_with(spans: list[Span]) -> None:
    with tracing.processing("message.events", "router", [record_of(ASKED), record_of(UNASKED, 8)]):
        pass
    [batch] = spans
    assert (batch.links, batch.parent) == ((ASKED,), "")
    assert batch.attributes["messaging.batch.message_count"] == 2
    assert batch.trace[3:35] != TRACE


def test_each_step_goes_on_from_the_one_before(spans: list[Span]) -> None:
    batch = [record_of(ASKED), record_of(UNASKED, 8)]
    with tracing.processing("message.events", "router", batch):
        with tracing.follow(batch).step("store", "consumer", {"db": "mongodb"}) as stored:
            pass
        with stored.step("append", "client", {}) as fed:
            last = fed.of(batch[0])
    store, append, whole = spans
    assert (store.parent, append.parent, last) == (ASKED, store.trace, append.trace)
    assert store.links == (whole.trace,)
    assert store.attributes["messaging.kafka.offset"] == 7
    assert store.attributes["messaging.message.id"] == "m1"
    assert {s.trace[3:35] for s in (store, append)} == {TRACE}


def test_only_what_goes_on_is_told_further(spans: list[Span]) -> None:
    batch = [record_of(ASKED), record_of(ASKED, 8)]
    traces = tracing.follow(batch).only([batch[1].source, "elsewhere"])
    with traces.step("append", "client", {}):
        pass
    assert [s.attributes["messaging.kafka.offset"] for s in spans] == [8]


def test_the_ids_of_receipts_hold_usernames_and_are_not_told(spans: list[Span]) -> None:
    with tracing.follow([record_of(ASKED, topic="receipt.events")]).step("store", "consumer", {}):
        pass
    assert "messaging.message.id" not in spans[0].attributes


@pytest.mark.parametrize("said", [b"", b"rubbish-01", b"00-1-2-01", b"\xff-01"])
def test_a_record_with_a_strange_header_is_followed_nowhere(spans: list[Span], said: bytes) -> None:
    record = Record("message.events", 0, 0, None, b"", {"traceparent": said})
    assert not tracing.follow([record])


def test_the_dice_take_their_share_whatever_clients_say() -> None:
    sampler = Sampler(0.25)
    taken = sum(sampler.takes(UNASKED) for _ in range(4_000))
    assert 800 < taken < 1_200


def test_who_asks_for_every_trace_gets_hardly_any() -> None:
    sampler = Sampler(0.0)
    assert sum(sampler.takes(ASKED) for _ in range(1_000)) == 1
    assert not any(sampler.takes(given) for given in (None, "", UNASKED, "rubbish"))
