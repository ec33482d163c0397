"""Frames as hostile clients send them: in endless parts, nested without end, not JSON at all."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.accept import MAX_BODY
from libs.common.errors import Problem
from services.presence.domain.frames import Assembly, Ping, parse_frame


@given(st.lists(st.lists(st.binary(max_size=5), min_size=1, max_size=5), max_size=5))
def test_frames_come_out_whole_however_they_are_cut(frames: list[list[bytes]]) -> None:
    assembly = Assembly(longest=MAX_BODY)
    out = [assembly.add(p, is_last=i == len(parts)) for parts in frames for i, p in enumerate(parts, 1)]
    assert [whole for whole in out if whole is not None] == [b"".join(parts) for parts in frames]


@pytest.mark.timeout(60)
def test_parts_without_bytes_cost_next_to_nothing() -> None:
    assembly = Assembly(longest=MAX_BODY)
    for part in itertools.repeat(b"", 200_000):
        assembly.add(part, is_last=False)
    assert assembly.add(b"end", is_last=True) == b"end"


def test_a_frame_is_too_long_as_soon_as_its_parts_are() -> None:
    assembly = Assembly(longest=4)
    assembly.add(b"abc", is_last=False)
    for _ in range(2):
        with pytest.raises(Problem, match="64 KiB"):
            assembly.add(b"de", is_last=False)


@pytest.mark.parametrize("nested", ["[" * 30_000, '{"type":"ping","x":' + "[" * 30_000 + "]" * 30_000 + "}"])
def test_a_frame_nested_without_end_is_malformed(nested: str) -> None:
    with pytest.raises(Problem) as refusal:
        parse_frame(nested.encode())
    assert refusal.value.code == "malformed"


def test_fields_that_nobody_knows_are_ignored() -> None:
    assert parse_frame(b'{"type":"ping","later":1}') == Ping()
