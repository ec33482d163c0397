"""A receiver of traces as the specification has it: OTLP over HTTP, protobuf, on a port of its own."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Value = str | int | bool


class Received(NamedTuple):
    """A span as it came; ids in hex."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    links: list[str]
    attributes: dict[str, Value]
    is_error: bool
    started_ns: int
    ended_ns: int


class Receiver:
    """`status` is what it answers, when it `may_answer`; what it refuses it does not keep."""

    def __init__(self) -> None:
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.requests = 0
        self.spans: list[Received] = []
        self.resources: list[dict[str, Value]] = []
        self.url = ""

    def take(self, path: str, body: bytes) -> int:
        self.may_answer.wait(60)
        status = self.status if path == "/v1/traces" else 404
        self.requests += 1
        if status == 200:
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = _values(one.resource.attributes)
                self.resources.append(resource)
                self.spans += [
                    _received(str(resource["service.name"]), s) for part in one.scope_spans for s in part.spans
                ]
        return status

    def until(self, condition: Callable[["Receiver"], bool]) -> None:
        """Looks again and again: spans come when their process finds it convenient."""
        end = time.monotonic() + 60
        while not condition(self):
            assert time.monotonic() < end, f"received so far: {[(s.service, s.name) for s in self.spans]}"
            time.sleep(0.02)


def _received(service: str, span: Span) -> Received:
    return Received(
        service,
        span.name,
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        [link.span_id.hex() for link in span.links],
        _values(span.attributes),
        span.status.code == Status.StatusCode.STATUS_CODE_ERROR,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


def _values(attributes: Iterable[KeyValue]) -> dict[str, Value]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in attributes}


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(made.take(self.path, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
