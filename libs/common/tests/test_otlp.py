"""Recorded spans reach a receiver of traces; one that is away or slow costs nothing but its spans."""

import subprocess
import sys
import time

import pytest
from prometheus_client import REGISTRY

from libs.common import otlp
from libs.common.tests.receiver import receiver
from libs.common.tracing import Span

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT, OWN = f"00-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b8-01"
SPAN = Span("work", "server", OWN, PARENT, 1_000, 2_000, {"http.route": "/x", "n": 7}, (PARENT,), "RuntimeError")


def count(outcome: str) -> float:
    return REGISTRY.get_sample_value("parley_trace_spans_total", {"outcome": outcome}) or 0.0


def arrives_at_the_end() -> bool:
    with receiver() as received:
        with otlp.outbox(received.url, "router", "1") as outbox:
            outbox.take(SPAN)
        return len(received.spans) == 1


def test_what_waits_at_the_end_is_sent() -> None:
    assert any(arrives_at_the_end() for _ in range(3))  # the machine may hold up each of them, but not all


def test_a_span_arrives_as_it_was_recorded() -> None:
    with receiver() as received, otlp.outbox(received.url, "router", "1.2.3") as outbox:
        outbox.take(SPAN)
        received.until(lambda r: bool(r.spans))
        [span], [resource] = received.spans, received.resources
    assert (span.service, span.name, span.kind, span.is_error) == ("router", "work", "server", True)
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, "00f067aa0ba902b8", "00f067aa0ba902b7")
    assert (span.links, span.started_ns, span.ended_ns) == (["00f067aa0ba902b7"], 1_000, 2_000)
    assert span.attributes == {"http.route": "/x", "n": 7, "error.type": "RuntimeError"}
    assert resource["service.version"] == "1.2.3"
    assert {"service.namespace", "service.instance.id"} <= resource.keys()


def test_what_waits_is_bounded_and_what_finds_no_room_is_counted() -> None:
    before = count("dropped")
    with receiver() as received, otlp.outbox(received.url, "router", "1") as outbox:
        received.may_answer.clear()
        for _ in range(otlp.QUEUE + otlp.BATCH + 100):
            outbox.take(SPAN)
        assert 100 <= count("dropped") - before <= 100 + otlp.BATCH  # which may be under way
        received.may_answer.set()
        received.until(lambda r: len(r.spans) >= otlp.QUEUE)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid:4318"])
def test_a_receiver_that_is_away_holds_nobody_up(url: str) -> None:
    before = count("failed")
    took = [held_up_s(url) for _ in range(3)]  # the machine may hold up each of them, but not all
    assert min(taking for taking, _ in took) < 0.5
    assert min(leaving for _, leaving in took) < otlp.FAREWELL_S + 1
    assert count("failed") >= before


def held_up_s(url: str) -> tuple[float, float]:
    """How long many spans take, and the end."""
    with otlp.outbox(url, "router", "1") as outbox:
        started = time.monotonic()
        for _ in range(1_000):
            outbox.take(SPAN)
        leaving = time.monotonic()
    return leaving - started, time.monotonic() - leaving


def test_a_receiver_that_refuses_loses_spans_and_gets_the_next() -> None:
    before = count("failed")
    with receiver() as received, otlp.outbox(received.url, "router", "1") as outbox:
        received.status = 400
        outbox.take(SPAN)
        received.until(lambda r: r.requests > 0 and count("failed") > before)
        received.status = 200
        outbox.take(SPAN._replace(name="next"))
        received.until(lambda r: [s.name for s in r.spans] == ["next"])


@pytest.mark.parametrize("service", ["auth", "frontend", "presence", "router"])
def test_without_a_receiver_the_sdk_is_not_loaded(service: str) -> None:
    """Its tracing and its exporter; FastAPI brings the API for itself, and the driver of Redis the metrics."""
    ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "requests")
    words = f"import sys, services.{service}.main; print([m for m in sys.modules if m.startswith({ours})])"
    answer = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
