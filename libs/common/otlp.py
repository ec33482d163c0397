"""Sends recorded spans to an OpenTelemetry receiver: from a bounded queue, by a thread, in no message's way."""

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from prometheus_client import Counter

from libs.common.tracing import Span

QUEUE = 4_096  # spans, about 5 MB
BATCH = 512
EVERY_S = 1.0
DEADLINE_S = 5.0
FAREWELL_S = 2.0
SAY_EVERY_S = 60.0

SPANS = Counter("parley_trace_spans", "Recorded spans by what became of them.", ["outcome"])
_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)

log = logging.getLogger(__name__)


class Outbox:
    """Spans on their way. The SDK's own batch processor says of each span that it drops it, and counts none."""

    def __init__(self, exporter: SpanExporter, as_otel: Callable[[Span], ReadableSpan]) -> None:
        self._exporter = exporter
        self._as_otel = as_otel
        self._waiting: deque[Span] = deque()
        self._stopping = threading.Event()
        self._lost = 0
        self._said = 0.0
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def take(self, span: Span) -> None:
        """Neither waits nor raises: what finds no room is dropped and counted."""
        if len(self._waiting) < QUEUE:
            self._waiting.append(span)
        else:
            self._lost += 1
            SPANS.labels("dropped").inc()

    def close(self) -> None:
        """Sends what waits, within `FAREWELL_S`."""
        self._stopping.set()
        self._thread.join(FAREWELL_S)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while self._waiting:
            self._send([self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))])
        self._complain()

    def _send(self, spans: Sequence[Span]) -> None:
        try:
            result = self._exporter.export([self._as_otel(span) for span in spans])
        except Exception:
            log.exception("spans could not be sent")
            result = SpanExportResult.FAILURE
        is_done = result is SpanExportResult.SUCCESS
        SPANS.labels("exported" if is_done else "failed").inc(len(spans))
        self._lost += 0 if is_done else len(spans)

    def _complain(self) -> None:
        if self._lost and time.monotonic() - self._said >= SAY_EVERY_S:
            log.warning("%d spans were lost: the receiver of traces is away or too slow", self._lost)
            self._lost, self._said = 0, time.monotonic()


def converter(service: str, version: str) -> Callable[[Span], ReadableSpan]:
    """Our spans as the SDK's, of one process."""
    resource = Resource.create(
        {
            "service.name": service,
            "service.namespace": "parley",
            "service.version": version,
            "service.instance.id": f"{socket.gethostname()}/{os.getpid()}",
        }
    )
    scope = InstrumentationScope("parley", version)

    def as_otel(span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context=_context(span.trace, is_remote=False),
            parent=_context(span.parent, is_remote=span.kind in ("server", "consumer")) if span.parent else None,
            resource=resource,
            attributes={**span.attributes, "error.type": span.error} if span.error else dict(span.attributes),
            links=[Link(_context(link, is_remote=True)) for link in span.links],
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR if span.error else StatusCode.UNSET),
            start_time=span.started_ns,
            end_time=span.ended_ns,
            instrumentation_scope=scope,
        )

    return as_otel


def _context(trace: str, *, is_remote: bool) -> SpanContext:
    return SpanContext(int(trace[3:35], 16), int(trace[36:52], 16), is_remote, _SAMPLED)


@contextmanager
def outbox(url: str, service: str, version: str) -> Iterator[Outbox]:
    """`url` is the receiver's base, as in OTEL_EXPORTER_OTLP_ENDPOINT. The receiver need not be there."""
    exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=DEADLINE_S)
    sending = Outbox(exporter, converter(service, version))
    try:
        yield sending
    finally:
        sending.close()
