"""Times and ids as the contract shows them."""

from datetime import UTC, datetime

from uuid_utils import uuid7


def now() -> datetime:
    """Aware UTC, cut to the milliseconds that the contract and MongoDB keep."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def rfc3339(at: datetime) -> str:
    """`2026-11-21T10:15:30.123Z`; `at` is aware."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def new_id() -> str:
    """A UUIDv7 in lower case: sorts by the time it was made."""
    return str(uuid7())
