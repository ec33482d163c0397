"""The account notices what is lost, doubled or swapped, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from bench.ledger import Lane, Verdict


def lane_of(arrivals: list[int], *, first_number: int = 1, sent: int = 5) -> Lane:
    """Five messages sent one after the other, each accepted before the next; `arrivals` are their indexes."""
    lane = Lane()
    for index in range(sent):
        lane.send(f"m{index}", due=10.0 + index, now=10.0 + index)
        lane.accept(index, 10.5 + index)
    for step, index in enumerate(arrivals):
        lane.arrive(f"m{index}", first_number + index, 20.0 + step)
    return lane


def test_all_in_order_is_clean_wherever_the_numbers_begin() -> None:
    lane = lane_of([0, 1, 2, 3, 4], first_number=71)
    assert lane.verdict() == Verdict(sent=5, received=5)
    assert lane.verdict().clean
    assert lane.complete


def test_a_message_that_never_came_is_lost_and_its_gap_is_seen() -> None:
    lane = lane_of([0, 1, 3, 4])
    assert (lane.verdict().lost, lane.verdict().out_of_order) == (1, 1)
    assert not lane.complete


def test_the_last_message_lost_is_noticed_though_no_number_is_missing() -> None:
    assert lane_of([0, 1, 2, 3]).verdict() == Verdict(sent=5, received=4, lost=1)


def test_a_second_frame_is_doubled_and_counts_once() -> None:
    assert lane_of([0, 1, 1, 2, 3, 4, 0]).verdict() == Verdict(sent=5, received=5, doubled=2)


def test_frames_in_the_wrong_order_are_seen() -> None:
    assert lane_of([0, 2, 1, 3, 4]).verdict().out_of_order > 0


def test_numbers_in_another_order_than_the_accepts_are_seen_though_frames_come_in_order() -> None:
    lane = lane_of([], sent=2)
    lane.arrive("m1", 1, 20.0)
    lane.arrive("m0", 2, 20.1)
    assert lane.verdict() == Verdict(sent=2, received=2, out_of_order=1)


def test_messages_under_way_at_once_may_take_any_number() -> None:
    lane = Lane()
    for index in range(2):
        lane.send(f"m{index}", due=10.0, now=10.0)
    for index in range(2):
        lane.accept(index, 11.0)
    lane.arrive("m1", 1, 20.0)
    lane.arrive("m0", 2, 20.1)
    assert lane.verdict() == Verdict(sent=2, received=2)


def test_a_frame_that_nobody_sent_and_a_send_that_nobody_answered_are_told() -> None:
    lane = lane_of([0, 1, 2, 3, 4])
    lane.send("m5", due=30.0, now=30.0)
    lane.arrive("other", 6, 31.0)
    assert lane.verdict() == Verdict(sent=6, received=5, unanswered=1, foreign=1)


def test_latencies_count_from_when_a_message_was_due() -> None:
    lane = Lane()
    lane.send("m0", due=10.0, now=10.2)
    lane.accept(0, 10.3)
    lane.arrive("m0", 1, 10.5)
    assert [round(s, 3) for s in lane.accept_latencies() + lane.receipt_latencies()] == [0.3, 0.5]


@given(st.permutations(range(6)))
def test_only_the_order_of_sending_is_clean(order: list[int]) -> None:
    assert lane_of(order, sent=6).verdict().clean is (order == sorted(order))


@given(st.lists(st.integers(0, 5), max_size=20))
def test_every_frame_and_every_message_is_in_exactly_one_count(arrivals: list[int]) -> None:
    verdict = lane_of(arrivals, sent=6).verdict()
    assert verdict.received + verdict.lost == 6
    assert verdict.received + verdict.doubled == len(arrivals)


def test_verdicts_add_up() -> None:
    assert Verdict(sent=2, lost=1) + Verdict(sent=3, doubled=2) == Verdict(sent=5, lost=1, doubled=2)
