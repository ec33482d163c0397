"""Spans as a receiver gets them, and each trace as a tree that a person can read in a terminal."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

QUIET_S = 3.0  # processes send once a second
MOST = 10_000  # spans, about 5 MB


class Span(NamedTuple):
    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    started_ns: int
    ended_ns: int
    is_error: bool


class Gathering:
    """Traces of which spans may still come; the oldest are given up where there are too many."""

    def __init__(self) -> None:
        self._spans: dict[str, list[Span]] = {}
        self._changed_at: dict[str, float] = {}
        self._count = 0

    def take(self, body: bytes, at: float) -> None:
        for span in spans_of(body):
            self._spans.setdefault(span.trace_id, []).append(span)
            self._changed_at[span.trace_id] = at
            self._count += 1
        while self._count > MOST:
            self._drop(next(iter(self._spans)))

    def complete(self, at: float) -> Iterator[list[Span]]:
        """Those to which nothing has come for a while."""
        for trace_id in [one for one, changed_at in self._changed_at.items() if at - changed_at >= QUIET_S]:
            yield self._drop(trace_id)

    def _drop(self, trace_id: str) -> list[Span]:
        spans = self._spans.pop(trace_id)
        del self._changed_at[trace_id]
        self._count -= len(spans)
        return spans


def spans_of(body: bytes) -> Iterator[Span]:
    """Of one request, OTLP in protobuf; raises protobuf's `DecodeError` for any other words."""
    for one in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = next((a.value.string_value for a in one.resource.attributes if a.key == "service.name"), "?")
        for span in (span for part in one.scope_spans for span in part.spans):
            yield Span(
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                service,
                span.name,
                span.start_time_unix_nano,
                span.end_time_unix_nano,
                span.status.code == Status.StatusCode.STATUS_CODE_ERROR,
            )


def tree(spans: Sequence[Span]) -> str:
    """A line for each span: when it began after the first, how long it took, and what it is, below its parent."""
    children: dict[str, list[Span]] = defaultdict(list)
    known = {span.span_id for span in spans}
    for span in sorted(spans, key=lambda span: span.started_ns):
        children[span.parent_id if span.parent_id in known else ""].append(span)
    start_ns = min(span.started_ns for span in spans)

    def lines(parent_id: str, depth: int) -> Iterator[str]:
        for span in children[parent_id]:
            after_ms, took_ms = (span.started_ns - start_ns) / 1e6, (span.ended_ns - span.started_ns) / 1e6
            what = f"{'  ' * depth}{span.service}: {span.name}{'  failed' if span.is_error else ''}"
            yield f"  +{after_ms:7.1f} ms  {took_ms:7.1f} ms  {what}"
            yield from lines(span.span_id, depth + 1)

    return "\n".join([f"trace {spans[0].trace_id}", *lines("", 0)])
