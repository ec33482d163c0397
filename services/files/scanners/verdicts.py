"""What a scanner says of a file, and what every scanner can be asked."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

LIMITS = "Heuristics.Limits.Exceeded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`signature` is the scanner's own name for what it found, where it tells one."""

    clean: bool
    signature: str | None = None


class ScanRefused(Exception):
    """The scanner answers, and will never say whether this file is clean: so nobody may have it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def found(signature: str | None) -> Verdict:
    """Raises `ScanRefused` where the "find" is that ClamAV stopped before the end (its AlertExceedsMax)."""
    if signature is not None and signature.startswith(LIMITS):
        raise ScanRefused(f"The scanner does not read all of this file: {signature}.")
    return Verdict(clean=False, signature=signature)


class Scanner(Protocol):
    @property
    def name(self) -> str:
        """For people: what it is and where."""
        ...

    async def scan(self, chunks: AsyncIterator[bytes], size: int) -> Verdict:
        """Reads the file once, of `size` bytes; it may stop reading before the end, so the caller closes `chunks`.

        Raises `ScanRefused`; `Unavailable` when there is no verdict now; whatever reading `chunks` raises.
        """
        ...

    async def check(self) -> None:
        """For readiness: it answers, else `Unavailable`."""
        ...
