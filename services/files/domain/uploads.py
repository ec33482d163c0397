"""How a file is uploaded: in one piece or in parts, for how long, and whether what arrived is what was announced."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.common.errors import Problem, invalid

MIB = 1024 * 1024
MAX_SIZE = 2048 * MIB
MAX_SINGLE = 64 * MIB
LEAST_PART = 8 * MIB
MOST_PARTS = 100  # so that one answer holds all URLs
URL_LIFETIME = timedelta(minutes=15)
ABANDONED_AFTER = timedelta(hours=24)
MAX_OPEN = 100  # uploads of one user that are under way
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Parts:
    """How `size` bytes are cut: all parts of `part_size` bytes but the last."""

    size: int
    part_size: int

    @property
    def count(self) -> int:
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        return min(self.part_size, self.size - (number - 1) * self.part_size)


def require_size(size: int) -> None:
    if not 1 <= size <= MAX_SIZE:
        raise invalid("/size", f"must be from 1 to {MAX_SIZE} bytes")


def cut(size: int) -> Parts:
    """Into at most `MOST_PARTS` parts, of whole MiB."""
    fewest = -(-size // MOST_PARTS)
    return Parts(size, max(LEAST_PART, -(-fewest // MIB) * MIB))


def normal_sha256(said: str, pointer: str = "/sha256") -> str:
    """In lower case. Raises `Problem` 422."""
    if not SHA256.fullmatch(lower := said.lower()):
        raise invalid(pointer, "must be a SHA-256 as 64 hexadecimal digits")
    return lower


def choose_parts(parts: Parts, asked: Sequence[int]) -> list[int]:
    """Each once, in order. Raises `Problem` 422."""
    if not 1 <= len(asked) <= MOST_PARTS:
        raise invalid("/part_numbers", f"must hold 1 to {MOST_PARTS} numbers")
    for place, number in enumerate(asked):
        if not 1 <= number <= parts.count:
            raise invalid(f"/part_numbers/{place}", f"must be from 1 to {parts.count}")
    return sorted(set(asked))


def missing_parts(parts: Parts, stored: Mapping[int, str], claimed: Mapping[int, str]) -> list[int]:
    """Which are not there, or not with the `etag` that the client has for them."""
    wrong = {number for number, etag in claimed.items() if stored.get(number) != etag.strip('"')}
    return sorted(wrong | (set(range(1, parts.count + 1)) - stored.keys()))


def parts_incomplete(missing: Sequence[int]) -> Problem:
    listed = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
    return Problem(422, "parts_incomplete", f"Parts are missing or are not those that were named: {listed}.")


def size_mismatch(stored: int, announced: int) -> Problem:
    return Problem(422, "size_mismatch", f"{stored} bytes are stored, {announced} were announced.")


def checksum_mismatch() -> Problem:
    return Problem(422, "checksum_mismatch", "The stored bytes have another SHA-256.")


def judge(size: int, sha256: str, announced: int, expected: Sequence[str]) -> Problem | None:
    """What is wrong with the stored bytes; `expected` are all checksums that the client has named."""
    if size != announced:
        return size_mismatch(size, announced)
    if any(sha256 != one for one in expected):
        return checksum_mismatch()
    return None
