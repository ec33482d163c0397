"""What a status report says of external deliveries, alone and beside internal ones."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import rfc3339
from libs.common.events import DeliveryStatus, ReceiptStatus
from libs.common.marks import RANKS
from services.frontend.report import StatusReport, StoredMessage, report_status

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
ERROR = {"code": "channel_not_configured", "detail": "WhatsApp is not configured on this platform."}
Times = dict[tuple[str, ReceiptStatus], datetime]
Json = dict[str, Any]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stored(*channels: str, to: tuple[str, ...] = ("bo",), targets: bool = True) -> StoredMessage:
    """Accepted at 0, stored at 1."""
    external = [{"recipient": who, "channel": c, "address": "1"} for who in to for c in channels if c != "internal"]
    document = {
        "_id": "m",
        "conversation_id": "c",
        "sequence_number": 7,
        "to": to,
        "channels": channels,
        "created_at": at(0),
        "stored_at": at(1),
    }
    return StoredMessage.of(document | {"targets": external} if targets else document)


def delivery(recipient: str, channel: str, *history: tuple[DeliveryStatus, float]) -> Json:
    steps = [{"status": status, "at": at(seconds)} for status, seconds in history]
    error = ERROR if history[-1][0] == "FAILED" else None
    return {
        "recipient": recipient,
        "channel": channel,
        "status": history[-1][0],
        "status_ceiling": "READ",
        "attempts": 0,
        "error": error,
        "history": steps,
    }


def history(report: StatusReport) -> list[tuple[str, str, str | None, str | None]]:
    return [(h.status, h.at, h.recipient, h.channel) for h in report.status_history]


def test_a_failed_delivery_says_why_and_makes_its_message_failed() -> None:
    report = report_status(stored("whatsapp"), {}, [delivery("bo", "whatsapp", ("FAILED", 2))])
    assert report.status == "FAILED"
    (only,) = report.deliveries
    assert (only.channel, only.status, only.attempts, only.updated_at) == ("whatsapp", "FAILED", 0, rfc3339(at(2)))
    assert only.error
    assert only.error.code == "channel_not_configured"
    assert history(report)[2:] == [("FAILED", rfc3339(at(2)), "bo", "whatsapp")]


def test_a_recipient_who_has_it_internally_has_it() -> None:
    times: Times = {("bo", "DELIVERED"): at(3)}
    report = report_status(stored("internal", "whatsapp"), times, [delivery("bo", "whatsapp", ("FAILED", 2))])
    assert report.status == "DELIVERED"
    assert [(d.channel, d.status) for d in report.deliveries] == [("internal", "DELIVERED"), ("whatsapp", "FAILED")]
    assert history(report)[2:] == [
        ("FAILED", rfc3339(at(2)), "bo", "whatsapp"),
        ("DELIVERED", rfc3339(at(3)), "bo", "internal"),
        ("DELIVERED", rfc3339(at(3)), None, None),
    ]


def test_receipts_say_nothing_of_a_message_that_is_not_delivered_internally() -> None:
    times: Times = {("bo", "READ"): at(3)}
    report = report_status(stored("telegram"), times, [delivery("bo", "telegram", ("FAILED", 2))])
    assert [(d.channel, d.status) for d in report.deliveries] == [("telegram", "FAILED")]
    assert report.status == "FAILED"


def test_what_does_not_stand_yet_is_queued() -> None:
    for targets in (True, False):
        report = report_status(stored("internal", "telegram", targets=targets), {})
        assert [(d.channel, d.status, d.status_ceiling) for d in report.deliveries] == [
            ("internal", "SENT", "READ"),
            ("telegram", "QUEUED", "SENT"),
        ]
        assert report.status == "SENT"
        assert [h[0] for h in history(report)] == ["ACCEPTED", "SENT"]


def test_a_failure_that_is_disproved_stays_in_the_history() -> None:
    whatsapp = [
        delivery("bo", "whatsapp", ("FAILED", 2), ("DELIVERED", 4)),
        delivery("cy", "whatsapp", ("SENT", 3), ("READ", 5)),
    ]
    report = report_status(stored("whatsapp", to=("bo", "cy")), {}, whatsapp)
    own = [(status, when) for status, when, recipient, _ in history(report)[2:] if recipient is None]
    assert own == [("FAILED", rfc3339(at(2))), ("SENT", rfc3339(at(4))), ("DELIVERED", rfc3339(at(5)))]
    assert report.status == "DELIVERED"


def test_a_replay_opens_a_failed_delivery_again_and_the_history_shows_it() -> None:
    replayed = delivery("bo", "telegram", ("QUEUED", 0), ("FAILED", 2), ("QUEUED", 3))
    report = report_status(stored("telegram"), {}, [replayed])
    assert [h[0] for h in history(report)] == ["ACCEPTED", "SENT", "FAILED", "QUEUED"]
    assert (report.status, report.deliveries[0].status) == ("SENT", "QUEUED")


LATER: list[DeliveryStatus] = ["SENT", "FAILED", "DELIVERED", "READ"]
RISING = st.lists(st.sampled_from(LATER), unique=True, max_size=3).map(lambda some: sorted(some, key=LATER.index))
RECEIPTS: st.SearchStrategy[Times] = st.dictionaries(
    st.tuples(st.sampled_from(["bo", "cy"]), st.sampled_from(["DELIVERED", "READ"])), st.integers(0, 6).map(at)
)


@given(st.booleans(), st.lists(RISING, min_size=2, max_size=2), st.lists(st.integers(0, 6), min_size=3), RECEIPTS)
def test_history_is_ordered_and_each_delivery_only_rises(
    internal: bool, statuses: list[list[DeliveryStatus]], seconds: list[int], times: Times
) -> None:
    channels = ("internal", "whatsapp") if internal else ("whatsapp",)
    external = [
        delivery(who, "whatsapp", ("QUEUED", 0), *zip(rising, sorted(seconds), strict=False))
        for who, rising in zip(("bo", "cy"), statuses, strict=True)
    ]
    report = report_status(stored(*channels, to=("bo", "cy")), times, external)
    assert [h.at for h in report.status_history] == sorted(h.at for h in report.status_history)
    for d in report.deliveries:
        steps = [h.status for h in report.status_history if (h.recipient, h.channel) == (d.recipient, d.channel)]
        ranks = [RANKS[s] for s in steps if s != "ACCEPTED"]
        assert ranks == sorted(set(ranks))
        assert d.status == (steps[-1] if steps else ("SENT" if d.channel == "internal" else "QUEUED"))
    own = [h.status for h in report.status_history if h.recipient is None]
    assert own[-1] == report.status
    falls = [(a, b) for a, b in pairwise(own[1:]) if RANKS[b] <= RANKS[a]]  # type: ignore[index]
    assert set(falls) <= {("FAILED", "SENT")}
