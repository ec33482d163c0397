"""The receiver takes everything, and shows traces as trees."""

import asyncio

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from bench.sink import Connection, Sink
from bench.trees import MOST, QUIET_S, Gathering, spans_of, tree

MS = 1_000_000


def sent(service: str, *spans: tuple[str, str, str, float, float]) -> bytes:
    """One request: (trace, span and parent as a letter each, began and ended in ms)."""
    made = [
        Span(
            trace_id=trace.encode() * 16,
            span_id=name.encode() * 8,
            parent_span_id=parent.encode() * 8,
            name=f"step {name}",
            start_time_unix_nano=int(started * MS),
            end_time_unix_nano=int(ended * MS),
        )
        for trace, name, parent, started, ended in spans
    ]
    resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))])
    whole = ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=made)])
    return ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString()


async def test_the_sink_takes_whatever_comes() -> None:
    sink = Sink(Gathering())
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sink), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/traces"
    async with server, httpx.AsyncClient(timeout=60) as http:
        answers = [await http.post(url, content=b"x" * 100_000) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert (sink.requests, sink.size) == (3, 300_000)


def test_a_trace_is_shown_as_a_tree_whatever_order_its_spans_came_in() -> None:
    router = sent("router", ("t", "c", "b", 1003, 1006.5))
    frontend = sent("frontend", ("t", "b", "a", 1000.3, 1002), ("t", "a", "z", 1000, 1003))
    assert tree([*spans_of(router), *spans_of(frontend)]).splitlines() == [
        f"trace {'74' * 16}",
        "  +    0.0 ms      3.0 ms  frontend: step a",
        "  +    0.3 ms      1.7 ms    frontend: step b",
        "  +    3.0 ms      3.5 ms      router: step c",
    ]


def test_a_trace_is_complete_when_nothing_has_come_for_a_while() -> None:
    gathering = Gathering()
    gathering.take(sent("frontend", ("t", "a", "", 0, 1)), at=0)
    gathering.take(sent("router", ("t", "b", "a", 1, 2), ("u", "c", "", 1, 2)), at=2)
    assert list(gathering.complete(at=QUIET_S)) == []
    assert sorted(len(spans) for spans in gathering.complete(at=2 + QUIET_S)) == [1, 2]
    assert list(gathering.complete(at=100)) == []


def test_traces_that_wait_are_bounded() -> None:
    gathering = Gathering()
    for name in "abc":
        gathering.take(sent("router", *[(name, name, "", 0, 1)] * (MOST // 2)), at=0)
    assert [spans[0].name for spans in gathering.complete(at=QUIET_S)] == ["step b", "step c"]
