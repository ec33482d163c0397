"""Spans of the traces that are recorded, made by hand where a message passes; free where nothing is recorded."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, NamedTuple

from libs.common.bus import Record
from libs.common.errors import Problem
from libs.common.events import MESSAGE_EVENTS
from libs.common.sampling import Sampler, is_sampled
from libs.common.telemetry import TRACEPARENT, continue_trace, traceparent

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]

NOTHING: AbstractContextManager[None] = nullcontext()


class Span(NamedTuple):
    """A piece of work that has ended. `trace` is its own traceparent; `parent` is another's, or "", and so are `links`.

    `error` is the type of what went wrong, never its words.
    """

    name: str
    kind: Kind
    trace: str
    parent: str
    started_ns: int
    ended_ns: int
    attributes: Attributes
    links: Sequence[str] = ()
    error: str = ""


class _Recording(NamedTuple):
    take: Callable[[Span], None]
    sampler: Sampler


_recording: _Recording | None = None


@contextmanager
def recording(take: Callable[[Span], None], sampler: Sampler) -> Iterator[None]:
    """Inside the block this process records: `take` is given every span, and must neither wait nor raise."""
    global _recording
    _recording = _Recording(take, sampler)
    try:
        yield
    finally:
        _recording = None


def enter(incoming: str | None) -> str:
    """At an edge: our span in a client's trace, or in a new one. Whether it is recorded is decided here, once."""
    return continue_trace(incoming, "01" if _recording is not None and _recording.sampler.takes(incoming) else "00")


def is_recorded(trace: str) -> bool:
    return _recording is not None and is_sampled(trace)


def record(span: Span) -> None:
    if _recording is not None:
        _recording.take(span)


def edge(name: str, attributes: Attributes) -> AbstractContextManager[None]:
    """Around what an edge lets in: the span that `traceparent` names since `enter`."""
    trace = traceparent.get()
    return _timed(name, "server", [(trace, "", attributes)]) if is_recorded(trace) else NOTHING


def span(name: str, kind: Kind, attributes: Attributes, parent: str | None = None) -> AbstractContextManager[None]:
    """A child of `parent`, or of what `traceparent` names; inside the block `traceparent` names the child."""
    parent = traceparent.get() if parent is None else parent
    return _inside(name, kind, parent, attributes) if is_recorded(parent) else NOTHING


def sending(topic: str, key: str, message_id: str = "") -> AbstractContextManager[None]:
    """Around the making of a record's headers and its publishing: whoever reads the record goes on from this span."""
    parent = traceparent.get()
    if not is_recorded(parent):
        return NOTHING
    attributes = about_topic(topic, "send") | {"messaging.kafka.message.key": key}
    if message_id:
        attributes["messaging.message.id"] = message_id
    return _inside(f"send {topic}", "producer", parent, attributes)


def processing(topic: str, group: str, batch: Sequence[Record]) -> AbstractContextManager[None]:
    """Around the handling of a batch: a trace of its own, linked to each that it goes on with."""
    if _recording is None or not (followed := tuple(filter(_is_followed, map(trace_of, batch)))):
        return NOTHING
    attributes = about_topic(topic, "process")
    attributes |= {"messaging.consumer.group.name": group, "messaging.batch.message_count": len(batch)}
    return _inside(f"process {topic}", "consumer", "", attributes, followed)


def about_topic(topic: str, operation: Literal["send", "process"]) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
    }


def trace_of(record: Record) -> str:
    """What the record says that it continues, recorded or not, valid or not."""
    return record.headers.get("traceparent", b"").decode("latin-1")


def _is_followed(said: str) -> bool:
    return is_sampled(said) and TRACEPARENT.match(said) is not None


@contextmanager
def _inside(name: str, kind: Kind, parent: str, attributes: Attributes, links: Sequence[str] = ()) -> Iterator[None]:
    trace = continue_trace(parent, "01")
    before = traceparent.set(trace)
    try:
        with _timed(name, kind, [(trace, parent, attributes)], links):
            yield
    finally:
        traceparent.reset(before)


@contextmanager
def _timed(
    name: str, kind: Kind, spans: Sequence[tuple[str, str, Attributes]], links: Sequence[str] = ()
) -> Iterator[None]:
    """The block, as one span for each (trace, parent, attributes). What a client did wrong is no error of ours."""
    started_ns, begun, error = time.time_ns(), time.monotonic_ns(), ""
    try:
        yield
    except Problem:
        raise
    except BaseException as failure:
        error = type(failure).__name__
        raise
    finally:
        ended_ns = started_ns + time.monotonic_ns() - begun  # whoever sets the clock meanwhile
        for trace, parent, attributes in spans:
            record(Span(name, kind, trace, parent, started_ns, ended_ns, attributes, links, error))


class Followed:
    """The recorded traces among those that a batch goes on with, each by the source of its record."""

    def __init__(self, traces: Mapping[str, str], about: Mapping[str, Attributes]) -> None:
        self._traces = traces
        self._about = about

    def __bool__(self) -> bool:
        return bool(self._traces)

    def of(self, record: Record) -> str:
        """The traceparent to go on from; "" where nothing is recorded."""
        return self._traces.get(record.source, "") if self._traces else ""

    def of_source(self, source: str) -> str:
        return self._traces.get(source, "")

    def only(self, sources: Iterable[str]) -> "Followed":
        """Those that go on; `sources` are not looked at where nothing is recorded."""
        if not self._traces:
            return self
        return Followed({s: self._traces[s] for s in sources if s in self._traces}, self._about)

    @contextmanager
    def step(self, name: str, kind: Kind, attributes: Attributes) -> Iterator["Followed"]:
        """What the batch does together, as one span in each trace; what is given goes on from these spans."""
        if not self._traces:
            yield self
            return
        begun = {source: continue_trace(parent) for source, parent in self._traces.items()}
        spans = [(trace, self._traces[s], {**attributes, **self._about[s]}) for s, trace in begun.items()]
        whole = traceparent.get()
        with _timed(name, kind, spans, (whole,) if is_recorded(whole) else ()):
            yield Followed(begun, self._about)


NOBODY = Followed({}, {})


def follow(batch: Sequence[Record]) -> Followed:
    """The traces of a batch that are recorded."""
    if _recording is None:
        return NOBODY
    traces = {r.source: trace for r in batch if _is_followed(trace := trace_of(r))}
    return Followed(traces, {r.source: _about(r) for r in batch if r.source in traces}) if traces else NOBODY


def _about(record: Record) -> Attributes:
    place: dict[str, str | int] = {
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
    }
    if record.topic == MESSAGE_EVENTS:
        place["messaging.message.id"] = record.headers.get("ce_id", b"").decode("latin-1")
    return place
