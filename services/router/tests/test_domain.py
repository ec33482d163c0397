"""Numbers are dense, a redelivery is no retry, and watermarks only rise."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import Record
from libs.common.events import MessageEvent, ReceiptEvent, ReceiptStatus, Text
from libs.common.incoming import Incoming
from libs.common.marks import Marks
from services.router.domain import Known, advance, give_numbers, mark_of, sort_out

CONVERSATIONS = st.sampled_from(["c1", "c2", "c3"])
AT = "2026-11-21T10:15:30.123Z"


def incoming(message_id: str, conversation_id: str = "c1", text: str = "hi", offset: int = 0) -> Incoming[MessageEvent]:
    event = MessageEvent(
        message_id=message_id,
        conversation_id=conversation_id,
        sender="ana",
        channels=["internal"],
        payload=Text(text=text),
        fingerprint=text,
        accepted_at=AT,
    )
    return Incoming(Record("message.events", 0, offset, None, b""), event)


def reported(username: str, status: ReceiptStatus, number: int, offset: int) -> Incoming[ReceiptEvent]:
    event = ReceiptEvent(conversation_id="c1", username=username, status=status, sequence_number=number, at=AT)
    return Incoming(Record("receipt.events", 0, offset, None, b""), event)


@given(st.lists(CONVERSATIONS), st.dictionaries(CONVERSATIONS, st.integers(0, 1000)))
def test_numbers_go_on_from_the_last_without_gap_in_the_order_given(of: list[str], last: dict[str, int]) -> None:
    given_numbers: defaultdict[str, list[int]] = defaultdict(list)
    for one in give_numbers([incoming(str(i), c) for i, c in enumerate(of)], last):
        given_numbers[one.incoming.event.conversation_id].append(one.sequence_number)
    for conversation, numbers in given_numbers.items():
        start = last.get(conversation, 0)
        assert numbers == list(range(start + 1, start + 1 + len(numbers)))


def test_the_same_place_in_kafka_is_a_redelivery_and_its_later_steps_are_done_again() -> None:
    sorted_ = sort_out([incoming("a", offset=7)], {"a": Known(3, "hi", "message.events/0/7")})
    assert [n.sequence_number for n in sorted_.again] == [3]
    assert (sorted_.fresh, sorted_.conflicts) == ([], [])


def test_another_place_in_kafka_is_a_clients_retry_and_is_dropped() -> None:
    sorted_ = sort_out([incoming("a", offset=8)], {"a": Known(3, "hi", "message.events/0/7")})
    assert (sorted_.fresh, sorted_.again, sorted_.conflicts) == ([], [], [])


def test_another_content_under_a_known_id_is_a_conflict() -> None:
    sorted_ = sort_out([incoming("a", text="other", offset=8)], {"a": Known(3, "hi", "message.events/0/7")})
    assert [c.event.message_id for c in sorted_.conflicts] == ["a"]
    assert sorted_.fresh == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["hi", "ho"]))))
def test_within_a_batch_the_first_of_an_id_wins(said: list[tuple[str, str]]) -> None:
    batch = [incoming(message_id, text=text, offset=i) for i, (message_id, text) in enumerate(said)]
    first = dict(reversed(said))
    sorted_ = sort_out(batch, {})
    assert {i.event.message_id: i.event.fingerprint for i in sorted_.fresh} == first
    assert len(sorted_.fresh) == len(first)
    assert all(first[c.event.message_id] != c.event.fingerprint for c in sorted_.conflicts)


@given(
    st.lists(st.tuples(st.sampled_from(["ana", "bo"]), st.sampled_from(["DELIVERED", "READ"]), st.integers(1, 50))),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_a_watermark_only_rises_and_never_passes_the_last_number(
    said: list[tuple[str, ReceiptStatus, int]], mark: int, last: int
) -> None:
    before = Marks(delivered=min(mark, last), read=min(mark, last) // 2)
    marks = {("c1", name): before for name in ("ana", "bo")}
    batch = [reported(*one, offset=i) for i, one in enumerate(said)]
    advances, idle = advance(batch, marks, {"c1": last})
    for a in advances:
        assert mark_of(before, a.status) + 1 == a.from_number <= a.to_number <= last
    assert len({(a.member, a.status) for a in advances}) == len(advances)
    assert set(idle) | {a.source for a in advances} <= {i.record.source for i in batch}
    for username, status, number in said:
        reached = [a.to_number for a in advances if a.member == ("c1", username) and a.status == status]
        assert max([mark_of(before, status), *reached]) >= min(number, last)
