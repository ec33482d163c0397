"""Facts become one event for each message, recipient, channel and status."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import DeliveryError, FileEvent, StatusEvent
from libs.common.route import NOT_NEEDED
from services.webhooks.outgoing.domain.occurrences import (
    SPAN,
    TOGETHER,
    Span,
    of_delivery,
    of_file,
    of_span,
    of_stored,
    spans_of,
)

AT = "2026-11-21T10:15:30.123Z"


def fact(status: Any = "SENT", first: int = 1, last: int = 1, **more: Any) -> StatusEvent:
    return StatusEvent(conversation_id="c", status=status, from_number=first, to_number=last, at=AT, **more)


def message(number: int = 1, sender: str = "ana", to: tuple[str, ...] = ("bo", "cy"), *channels: str) -> dict[str, Any]:
    shown = {"_id": f"m{number}", "conversation_id": "c", "sequence_number": number}
    return {**shown, "from": sender, "to": [*to], "channels": [*channels] or ["internal"]}


def test_a_stored_message_is_sent_to_each_and_received_by_each() -> None:
    told = [(o.kind, o.owner, o.data["recipient"]) for o in of_stored(fact(message_id="m1", sender="ana"), message())]
    assert sorted(told) == [
        ("message.received", "bo", "bo"),
        ("message.received", "cy", "cy"),
        ("message.sent", "ana", "bo"),
        ("message.sent", "ana", "cy"),
    ]


def test_on_other_channels_it_is_sent_when_they_say_so_and_received_all_the_same() -> None:
    stored = of_stored(fact(message_id="m1", sender="ana"), message(1, "ana", ("bo", "telegram:42"), "telegram"))
    assert [(o.kind, o.owner) for o in stored] == [("message.received", "bo")]
    told: dict[str, Any] = {"message_id": "m1", "sender": "ana", "recipient": "bo", "channel": "telegram"}
    assert [o.kind for o in of_delivery(fact("QUEUED", **told))] == []
    (sent,) = of_delivery(fact("SENT", **told))
    (failed,) = of_delivery(fact("FAILED", error=DeliveryError("blocked", "The bot is blocked."), **told))
    assert (sent.kind, sent.owner, sent.data["channel"]) == ("message.sent", "ana", "telegram")
    assert (failed.kind, failed.data["error"]) == (
        "message.failed",
        {"code": "blocked", "detail": "The bot is blocked."},
    )
    assert sent.key != failed.key
    assert [*of_delivery(fact("FAILED", error=NOT_NEEDED, **told))] == []


def test_a_range_becomes_one_event_for_each_message_to_that_member() -> None:
    messages = {("c", n): message(n, sender) for n, sender in ((3, "ana"), (4, "bo"), (5, "ana"))}
    messages["c", 4]["to"] = ["ana", "cy"]
    (span,) = spans_of([fact("READ", 3, 6, username="bo")])[0]
    told = [(o.kind, o.owner, o.data["sequence_number"], o.data["recipient"]) for o in of_span(span, messages)]
    assert told == [("message.read", "ana", 3, "bo"), ("message.read", "ana", 5, "bo")]


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 3 * TOGETHER)), max_size=8))
def test_however_long_ranges_are_they_are_looked_up_in_pieces_and_each_number_once(
    ranges: list[tuple[int, int]],
) -> None:
    facts = [fact("READ", first, first + more, username="bo") for first, more in ranges]
    lists = spans_of(facts)
    assert all(sum(length(span) for span in spans) <= TOGETHER for spans in lists)
    assert all(length(span) <= SPAN for spans in lists for span in spans)
    told = [(span.fact, n) for spans in lists for span in spans for n in range(span.first, span.last + 1)]
    assert told == [(f, n) for f in facts for n in range(f.from_number, f.to_number + 1)]


def length(span: Span) -> int:
    return span.last - span.first + 1


def test_a_file_is_told_when_it_is_completed() -> None:
    told = {"file_id": "f", "owner": "ana", "filename": "a.png", "size": 7, "content_type": "image/png", "at": AT}
    (one,) = of_file(FileEvent(status="completed", sha256="00", **told))  # type: ignore[arg-type]
    assert (one.kind, one.owner, one.data["filename"]) == ("file.completed", "ana", "a.png")
    assert [*of_file(FileEvent(status="failed", **told))] == []  # type: ignore[arg-type]
