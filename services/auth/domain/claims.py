"""How an address is proven: a code is sent there, lives ten minutes, bears five attempts, and is not sent too often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from math import ceil

CODE_DIGITS = 6
CODE_LIVES = timedelta(minutes=10)
ATTEMPTS = 5
COUNTED_FOR = timedelta(hours=1)
OF_ADDRESS = 3
"""Codes to one address within that time, whoever asks for them."""
OF_USER = 10
"""Codes that one user may ask for within that time, wherever they go."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A user says that an address is theirs, and has not proven it yet: it routes nothing and keeps nobody away.

    `failures`: codes that were wrong.
    """

    channel: str
    address: str
    created_at: datetime
    code_hash: str
    expires_at: datetime
    failures: int = 0


class Standing(Enum):
    """Whether a claim's code may be tried."""

    OPEN = "open"
    EXPIRED = "expired"
    USED_UP = "used up"


def standing(claim: Claim, at: datetime) -> Standing:
    if at >= claim.expires_at:
        return Standing.EXPIRED
    return Standing.USED_UP if claim.failures >= ATTEMPTS else Standing.OPEN


def lately(times: Sequence[datetime], at: datetime) -> list[datetime]:
    """Those that still count."""
    return [t for t in times if at - t < COUNTED_FOR]


def wait_s(times: Sequence[datetime], most: int, at: datetime) -> int:
    """Until another code may be sent, where these were; 0: now."""
    counted = sorted(lately(times, at))
    if len(counted) < most:
        return 0
    return max(1, ceil((counted[-most] + COUNTED_FOR - at).total_seconds()))


def code_words(code: str, username: str) -> str:
    """What is sent. It names who asked, so that nobody proves an address for somebody else unawares."""
    minutes = int(CODE_LIVES.total_seconds() // 60)
    return (
        f"{code} is your code for Parley. Whoever enters it within {minutes} minutes connects this chat with the "
        f"account {username} there. If that is not you, do nothing."
    )
