"""How a file is cut into parts, what is made of those that came, and what may be left of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Problem
from services.files.domain.objects import debris
from services.files.domain.uploads import (
    LEAST_PART,
    MAX_SINGLE,
    MAX_SIZE,
    MIB,
    MOST_PARTS,
    choose_parts,
    cut,
    judge,
    missing_parts,
    normal_sha256,
    require_size,
)

SIZES = st.integers(MAX_SINGLE + 1, MAX_SIZE)
ONE, OTHER = "1" * 64, "2" * 64
OF_A_FILE = {"staging/1", "files/1/a", "files/1/b", "quarantine/1", "thumbnails/1/320"}


@given(SIZES)
def test_parts_are_the_whole_and_few_enough_for_one_answer(size: int) -> None:
    parts = cut(size)
    sizes = [parts.size_of(number) for number in range(1, parts.count + 1)]
    assert sum(sizes) == size
    assert set(sizes[:-1]) == {parts.part_size}
    assert 0 < sizes[-1] <= parts.part_size
    assert parts.count <= MOST_PARTS
    assert parts.part_size >= LEAST_PART
    assert parts.part_size % MIB == 0


@pytest.mark.parametrize("size", [-1, 0, MAX_SIZE + 1])
def test_a_size_that_no_file_has_is_refused(size: int) -> None:
    with pytest.raises(Problem) as refusal:
        require_size(size)
    assert [error.pointer for error in refusal.value.errors] == ["/size"]


@given(SIZES, st.data())
def test_parts_are_missing_unless_each_is_there_as_the_client_knows_it(size: int, data: st.DataObject) -> None:
    parts = cut(size)
    numbers = range(1, parts.count + 1)
    away, wrong = (data.draw(st.sets(st.sampled_from(numbers))) for _ in range(2))
    stored = {number: f"etag {number}" for number in numbers if number not in away}
    claimed = {number: '"another"' if number in wrong else f'"etag {number}"' for number in numbers}
    assert missing_parts(parts, stored, claimed) == sorted(away | wrong)
    assert missing_parts(parts, stored, {}) == sorted(away)


def test_a_part_that_never_was_is_missing() -> None:
    parts = cut(MAX_SINGLE + 1)
    stored = dict.fromkeys(range(1, parts.count + 1), "x")
    assert missing_parts(parts, stored, {parts.count + 1: "x"}) == [parts.count + 1]


@pytest.mark.parametrize("asked", [[], [0], [10], [-1], list(range(1, 9)) * 20])
def test_part_numbers_that_there_are_not_are_refused(asked: list[int]) -> None:
    with pytest.raises(Problem) as refusal:
        choose_parts(cut(MAX_SINGLE + 1), asked)
    assert refusal.value.errors[0].pointer.startswith("/part_numbers")


def test_part_numbers_are_answered_in_order_and_once() -> None:
    assert choose_parts(cut(MAX_SINGLE + 1), [3, 1, 3]) == [1, 3]


@pytest.mark.parametrize(
    ("size", "sha256", "expected", "code"),
    [
        (10, ONE, [ONE], None),
        (10, ONE, [ONE, ONE], None),
        (9, ONE, [ONE], "size_mismatch"),
        (10, ONE, [OTHER], "checksum_mismatch"),
        (10, ONE, [ONE, OTHER], "checksum_mismatch"),
    ],
)
def test_only_the_stored_bytes_count(size: int, sha256: str, expected: list[str], code: str | None) -> None:
    problem = judge(size, sha256, 10, expected)
    assert (problem.code if problem else None) == code


@pytest.mark.parametrize("said", ["", "x" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"])
def test_what_is_no_checksum_is_refused(said: str) -> None:
    with pytest.raises(Problem):
        normal_sha256(said)


def test_a_checksum_may_be_written_large() -> None:
    assert normal_sha256("A" * 64) == "a" * 64


@pytest.mark.parametrize(
    ("status", "key", "kept"),
    [
        ("completed", "files/1/b", {"files/1/b", "thumbnails/1/320"}),
        ("quarantined", "quarantine/1", {"quarantine/1"}),
        ("failed", None, set()),
        ("deleted", "files/1/b", set()),
    ],
)
def test_of_all_that_a_file_may_leave_only_what_is_needed_stays(status: str, key: str | None, kept: set[str]) -> None:
    upload = {"method": "single", "key": "staging/1"}
    copies, thumbnails = ["files/1/a", "files/1/b"], [{"key": "thumbnails/1/320"}]
    document = {"_id": "1", "status": status, "key": key, "upload": upload, "copies": copies, "thumbnails": thumbnails}
    assert set(debris(document)) == OF_A_FILE - kept
