"""A delivery's status only rises, and with it what it makes of its recipient and of the message."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import DeliveryStatus, MessageStatus
from libs.common.marks import RANKS, Marks, internal_status, message_status, recipient_status

DELIVERY = st.sampled_from(list(RANKS))
DELIVERIES = st.lists(DELIVERY, min_size=1, max_size=4)


def risen(before: list[DeliveryStatus], which: int, to: DeliveryStatus) -> list[DeliveryStatus]:
    """One of them goes up, or stays."""
    after = list(before)
    index = which % len(after)
    after[index] = max(after[index], to, key=RANKS.__getitem__)
    return after


@given(DELIVERIES, st.integers(0, 3), DELIVERY)
def test_a_recipient_only_rises(before: list[DeliveryStatus], which: int, to: DeliveryStatus) -> None:
    after = risen(before, which, to)
    assert RANKS[recipient_status(after)] >= RANKS[recipient_status(before)]


@given(DELIVERIES)
def test_one_proof_of_arrival_beats_every_failure(deliveries: list[DeliveryStatus]) -> None:
    status = recipient_status(deliveries)
    assert (status in ("DELIVERED", "READ")) == bool({"DELIVERED", "READ"} & set(deliveries))
    assert (status == "FAILED") == (set(deliveries) == {"FAILED"})


@given(st.lists(DELIVERIES, min_size=1, max_size=3), st.integers(0, 2), st.integers(0, 3), DELIVERY)
def test_a_message_only_rises_but_for_a_failure_that_is_disproved(
    recipients: list[list[DeliveryStatus]], who: int, which: int, to: DeliveryStatus
) -> None:
    """Of two recipients, one failed and one waiting: if the first has it after all, the message waits for the other."""
    before = message_status(map(recipient_status, recipients))
    who %= len(recipients)
    recipients[who] = risen(recipients[who], which, to)
    after = message_status(map(recipient_status, recipients))
    assert RANKS[after] >= RANKS[before] or (before, after) == ("FAILED", "SENT")


@given(st.lists(st.sampled_from(["SENT", "FAILED", "DELIVERED", "READ"]), min_size=1, max_size=4))
def test_a_message_has_what_all_recipients_have_and_fails_with_one(recipients: list[MessageStatus]) -> None:
    status = message_status(recipients)
    assert (status == "FAILED") == ("FAILED" in recipients)
    assert (status == "READ") == (set(recipients) == {"READ"})
    assert (status == "DELIVERED") == (set(recipients) in ({"DELIVERED"}, {"DELIVERED", "READ"}))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=3), st.integers(1, 9))
def test_a_message_has_reached_what_its_last_recipient_has(reached: list[tuple[int, int]], number: int) -> None:
    marks = {("c", str(i)): Marks(max(pair), min(pair)) for i, pair in enumerate(reached)}
    status = internal_status("c", number, [str(i) for i in range(len(reached))], marks)
    lowest = Marks(min(m.delivered for m in marks.values()), min(m.read for m in marks.values()))
    assert (status == "READ") == (lowest.read >= number)
    assert (status == "SENT") == (lowest.delivered < number)


def test_a_recipient_without_marks_has_nothing() -> None:
    assert internal_status("c", 1, ["bo"], {}) == "SENT"
