"""What an error of the Graph API means in the words of the contract; channels extend the table.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
import msgspec
from msgspec import Struct

from connectors.sdk import RefusalCode, Refused, Throttled, Unreachable

MINUTE, HOUR = 60.0, 3600.0
LONGEST_S = 24 * HOUR
USAGE = "x-business-use-case-usage"


class Wait(NamedTuple):
    """Nothing was done; so long is waited where the answer names no time."""

    seconds: float


class Again(NamedTuple):
    """The same may succeed later. `uncertain`: it may have been done all the same."""

    uncertain: bool = False


Meaning = Wait | Again | RefusalCode
Meanings = Mapping[int | tuple[int, int], Meaning]
"""By code, or by code and subcode, which goes first."""

COMMON: Meanings = {
    1: Again(uncertain=True),
    2: Again(uncertain=True),
    4: Wait(MINUTE),
    10: "unauthorized",
    17: Wait(MINUTE),
    32: Wait(MINUTE),
    33: "not_found",
    100: "bad_request",
    190: "unauthorized",
    **dict.fromkeys(range(200, 300), "unauthorized"),
    341: Wait(MINUTE),
    368: "forbidden",
    613: Wait(MINUTE),
    803: "not_found",
    80007: Wait(MINUTE),
}


class Error(Struct, frozen=True):
    """`error_data` is of many forms."""

    message: str = ""
    code: int = 0
    error_subcode: int = 0
    is_transient: bool = False
    error_data: Any = None

    @property
    def words(self) -> str:
        details = self.error_data.get("details") if isinstance(self.error_data, dict) else None
        said = f"{self.message} ({details})" if isinstance(details, str) and details != self.message else self.message
        return said or f"error {self.code}"


class _Answer(Struct, frozen=True):
    error: Error


def failure_of(response: httpx.Response, meanings: Meanings) -> Exception:
    """Of an answer that is no success."""
    try:
        error = msgspec.json.decode(response.content, type=_Answer).error
    except msgspec.DecodeError:
        return unintelligible(response.status_code)
    match _meaning(error, response.status_code, meanings):
        case Wait(seconds):
            return Throttled(_named_wait(response.headers) or seconds)
        case Again(uncertain):
            return Unreachable(error.words, uncertain=uncertain)
        case code:
            return Refused(code, error.words)


def refusal_of(code: int, meanings: Meanings) -> RefusalCode | None:
    """What a code means that is told afterwards, when nothing can be tried again; None where it is no refusal."""
    meaning = meanings.get(code)
    return None if isinstance(meaning, Wait | Again) else meaning


def unintelligible(status: int) -> Unreachable:
    """An answer that is not the Graph API's: of something between us. Only 503 says that nothing was done."""
    return Unreachable(f"HTTP {status} without an answer of the Graph API", uncertain=status != 503)


def _meaning(error: Error, status: int, meanings: Meanings) -> Meaning:
    known = meanings.get((error.code, error.error_subcode)) or meanings.get(error.code)
    if known:
        return known
    if status == 429:
        return Wait(MINUTE)
    return Again(uncertain=True) if error.is_transient or status >= 500 else "bad_request"


def _named_wait(headers: Mapping[str, str]) -> float:
    """The time that the platform names, in seconds; 0 where it names none."""
    told = headers.get("retry-after", "")
    seconds = float(told) if told.isdecimal() else MINUTE * _minutes_of(headers.get(USAGE, ""))
    return min(seconds, LONGEST_S)


class _Usage(Struct, frozen=True):
    estimated_time_to_regain_access: float = 0


def _minutes_of(usage: str) -> float:
    """https://developers.facebook.com/docs/graph-api/overview/rate-limiting#headers-2"""
    try:
        told = msgspec.json.decode(usage, type=dict[str, list[_Usage]])
    except msgspec.DecodeError:
        return 0
    return max((each.estimated_time_to_regain_access for of_one in told.values() for each in of_one), default=0)
