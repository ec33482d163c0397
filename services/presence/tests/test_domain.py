"""What a connection decides, whatever a router repeats, a feed loses or a client claims."""

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Problem
from services.presence.domain.frames import (
    NOWHERE,
    Ack,
    Auth,
    Ping,
    Read,
    RefusedSend,
    Resume,
    Send,
    Typing,
    parse_frame,
)
from services.presence.domain.progress import Feed, Progress, Step

NAMES = ("a", "b", "c")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["auth", "ack", "read", "ping", "send", "typing", ""])
FIELDS = st.sampled_from(["token", "resume", "conversation_id", "sequence_number", "ref", "epoch", "offset"])


@dataclass
class Reader:
    """A connection that judges each entry and fills what is missing from what is stored."""

    stored: dict[str, int]
    progress: Progress = field(default_factory=Progress)
    seen: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in NAMES})

    def take(self, conversation: str, number: int) -> None:
        match self.progress.judge(conversation, number):
            case Step.PUSH:
                self._show(conversation, number)
            case Step.FILL:
                for missing in range(self.progress.lower_bound(conversation) + 1, self.stored[conversation] + 1):
                    self._show(conversation, missing)
            case Step.SKIP:
                pass

    def _show(self, conversation: str, number: int) -> None:
        self.seen[conversation].append(number)
        self.progress.have[conversation] = number


@given(
    at=st.fixed_dictionaries({name: st.integers(0, 5) for name in NAMES}),
    turns=st.lists(st.tuples(st.sampled_from(NAMES), st.booleans(), st.integers(0, 4)), max_size=40),
)
def test_each_conversation_is_seen_in_order_without_gap_or_repeat(
    at: dict[str, int], turns: list[tuple[str, bool, int]]
) -> None:
    """Each turn stores a message; its entry gets lost, or comes after repeats, as from a router that began again."""
    reader = Reader(dict(at), Progress(have=dict(at)))
    heard = dict(at)
    for conversation, is_heard, repeats in turns:
        reader.stored[conversation] += 1
        last = reader.stored[conversation]
        if is_heard:
            heard[conversation] = last
            for number in range(max(1, last - repeats), last + 1):
                reader.take(conversation, number)
    assert reader.seen == {name: list(range(at[name] + 1, heard[name] + 1)) for name in NAMES}


@given(st.lists(st.integers(1, 12), max_size=40))
def test_no_number_is_pushed_twice_and_none_is_jumped(numbers: list[int]) -> None:
    progress, pushed = Progress(), list[int]()
    for number in numbers:
        if progress.judge("a", number) is Step.PUSH:
            pushed.append(number)
            progress.have["a"] = number
    assert pushed == [numbers[0] + i for i in range(len(pushed))] if numbers else not pushed


def test_a_fill_begins_above_what_was_pushed_or_acknowledged_at_log_in() -> None:
    progress = Progress(have={"a": 7, "b": 2}, floors={"a": 3, "b": 5, "c": 4})
    assert [progress.lower_bound(c) for c in ("a", "b", "c", "d")] == [7, 5, 4, 0]


@given(first=st.integers(1, 50), length=st.integers(0, 50), offset=st.integers(-5, 110))
def test_a_feed_can_be_resumed_where_every_later_entry_is_still_in_it(first: int, length: int, offset: int) -> None:
    feed = Feed("epoch", first, first + length - 1)
    later = set(range(offset + 1, feed.last + 1))
    is_whole = later <= set(range(first, feed.last + 1))
    assert feed.can_resume("epoch", offset) == (is_whole and offset <= feed.last)
    assert not feed.can_resume("another", offset)


def test_a_feed_without_entries_can_be_resumed_at_its_end_alone() -> None:
    feed = Feed("epoch", first=8, last=7)
    assert [offset for offset in range(12) if feed.can_resume("epoch", offset)] == [7]


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        (b'{"type":"auth","token":"t"}', Auth("t")),
        (b'{"type":"auth","resume":{"epoch":"e","offset":7}}', Auth(None, Resume("e", 7))),
        (b'{"type":"ack","conversation_id":"c","sequence_number":7}', Ack("c", 7)),
        (b'{"type":"read","conversation_id":"c","sequence_number":7}', Read("c", 7)),
        (b'{"sequence_number":7,"conversation_id":"c","type":"read"}', Read("c", 7)),
        (b'{"type":"send","ref":"1","payload":{"type":"text","text":"x"}}', Send("1")),
        (b'{"type":"typing","conversation_id":"c"}', Typing("c")),
        (b'{"type":"ping"}', Ping()),
        (b'{"type":"auth","token":"t","resume":"rubbish"}', Auth("t", NOWHERE)),
    ],
)
def test_frames_of_the_contract_are_known(raw: bytes, frame: object) -> None:
    assert parse_frame(raw) == frame


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"\xff\xfe",
        b'{"type":"\xed\xa0\x80"}',
        b'{"type":"ack","conversation_id":"c"}',
        b'{"type":"ack","conversation_id":"c","sequence_number":"7"}',
        b'{"type":"ack","conversation_id":"c","sequence_number":7.5}',
        b'{"type":"ack","conversation_id":"c","sequence_number":1e400}',
        b'{"type":"auth","token":7}',
        b'{"type":7}',
    ],
)
def test_other_frames_are_malformed(raw: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        parse_frame(raw)
    assert (refusal.value.status, refusal.value.code) == (400, "malformed")


def test_a_type_that_nobody_knows_is_said_to_be_one() -> None:
    with pytest.raises(Problem) as refusal:
        parse_frame(b'{"type":"delete"}')
    assert (refusal.value.status, refusal.value.code) == (400, "unknown_frame")


@pytest.mark.parametrize(
    ("raw", "ref"),
    [
        (b'{"type":"send","ref":7}', 7),
        (b'{"type":"send","ref":true}', True),
        (b'{"type":"send","ref":[]}', None),
        (b'{"type":"send","ref":"a","payload":', "a"),
        (b' { "type" : "send", "ref" : "a" ', "a"),
        (b'{"type":"send","ref":"a","metadata":' + b"[" * 60_000, "a"),
    ],
)
def test_the_ref_of_a_broken_send_is_read_where_it_can_be(raw: bytes, ref: object) -> None:
    with pytest.raises(RefusedSend) as refusal:
        parse_frame(raw)
    assert refusal.value.ref == ref


def test_a_ref_that_is_another_fields_is_not_taken_for_the_frames() -> None:
    with pytest.raises(Problem) as refusal:
        parse_frame(b'{"type":"send","metadata":{"ref":"a"},')
    assert not isinstance(refusal.value, RefusedSend)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    _is_a_frame_or_a_problem(raw)


@given(KINDS, st.dictionaries(FIELDS, JSON, max_size=4))
def test_no_fields_break_the_parser(kind: str, fields: dict[str, object]) -> None:
    _is_a_frame_or_a_problem(msgspec.json.encode({"type": kind, **fields}))


def _is_a_frame_or_a_problem(raw: bytes) -> None:
    try:
        frame = parse_frame(raw)
    except Problem:
        return
    assert isinstance(frame, Auth | Ack | Read | Typing | Ping | Send)
