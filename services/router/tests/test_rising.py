"""What reports make of a delivery: pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import DeliveryError, DeliveryStatus
from libs.common.marks import RANKS
from services.router.rising import Report, amounts_to, raised

START = datetime(2026, 11, 21, tzinfo=UTC)
WORDS: tuple[DeliveryStatus, ...] = ("FAILED", "DELIVERED", "READ")
ERROR = DeliveryError("window_closed", "131047")
pieces = st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)
reports = st.lists(
    st.builds(
        Report,
        st.sampled_from(WORDS),
        st.integers(-10, 10).map(lambda s: START + timedelta(seconds=s)),
        st.none() | st.sampled_from("abcx"),
    ),
    max_size=8,
)


def delivery(*external_ids: str) -> dict[str, Any]:
    return {"status": "SENT", "external_ids": list(external_ids), "history": [{"status": "SENT", "at": START}]}


def after(document: dict[str, Any], *said: Report) -> dict[str, Any]:
    """As MongoDB would make it."""
    change = raised(document, said) or {}
    history = [*document["history"], *([change["$push"]["history"]] if "$push" in change else [])]
    return {**document, **change.get("$set", {}), "history": history}


def at(second: int, status: DeliveryStatus, piece: str | None = "a", error: DeliveryError | None = None) -> Report:
    return Report(status, START + timedelta(seconds=second), piece, error)


@given(pieces, st.lists(reports, max_size=4))
def test_a_status_only_rises_and_its_history_with_it(external_ids: list[str], batches: list[list[Report]]) -> None:
    document = delivery(*external_ids)
    for batch in batches:
        before, document = document, after(document, *batch)
        assert RANKS[document["status"]] >= RANKS[before["status"]]
    ranks = [RANKS[step["status"]] for step in document["history"]]
    times = [step["at"] for step in document["history"]]
    assert (ranks, times) == (sorted(set(ranks)), sorted(times))
    assert document["history"][-1]["status"] == document["status"]


@given(pieces, reports, st.randoms(use_true_random=False))
def test_the_order_and_the_number_of_reports_do_not_matter(
    external_ids: list[str], said: list[Report], dice: Any
) -> None:
    mixed = [*said, *said]
    dice.shuffle(mixed)
    one, other = after(delivery(*external_ids), *said), delivery(*external_ids)
    for report in mixed:
        other = after(other, report)
    known = {r["external_id"]: r["status"] for r in one.get("reported", ())}
    assert known == {r["external_id"]: r["status"] for r in other.get("reported", ())}
    assert RANKS[other["status"]] >= RANKS[one["status"]] == RANKS[amounts_to(external_ids, known)]


def test_read_needs_no_delivered() -> None:
    found = after(delivery("a"), at(1, "READ"))
    assert [step["status"] for step in found["history"]] == ["SENT", "READ"]
    assert raised(found, [at(2, "DELIVERED")]) is None


def test_proof_of_arrival_beats_failure_and_takes_its_error_away() -> None:
    failed = after(delivery("a"), at(1, "FAILED", error=ERROR))
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "window_closed")
    arrived = after(failed, at(2, "DELIVERED"))
    assert (arrived["status"], arrived["error"]) == ("DELIVERED", None)


def test_a_split_text_has_what_all_of_its_pieces_have() -> None:
    one = after(delivery("a", "b"), at(1, "READ", "a"))
    assert one["status"] == "SENT"
    assert after(one, at(2, "DELIVERED", "b"))["status"] == "DELIVERED"
    assert after(one, at(2, "FAILED", "b", ERROR))["status"] == "FAILED"


def test_what_was_never_sent_whole_is_not_read_though_all_that_was_sent_is() -> None:
    half = {**delivery("a"), "status": "FAILED", "pieces": 1, "of_pieces": 2}
    read = after(half, at(1, "READ", None))
    assert (read["status"], read["reported"]) == ("FAILED", [{"external_id": "a", "status": "READ"}])
    whole = {**read, "status": "SENT", "external_ids": ["a", "b"], "pieces": 2}
    assert after(whole, at(2, "READ", "b"))["status"] == "READ"


def test_a_time_is_of_every_piece() -> None:
    assert after(delivery("a", "b"), at(1, "READ", None))["status"] == "READ"


def test_a_report_of_something_else_changes_nothing() -> None:
    assert raised(delivery("a"), [at(1, "READ", "x")]) is None
    assert raised(delivery(), [at(1, "READ", None)]) is None


def test_a_platform_whose_clock_is_behind_does_not_turn_the_history_round() -> None:
    assert after(delivery("a"), at(-5, "DELIVERED"))["history"][-1]["at"] == START
