"""Which key signs at a time, and which keys verify, told from their names alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.auth.domain.sessions import ACCESS_LIVES

CACHED = timedelta(seconds=60)  # as long others may keep the published keys
LOOKED_AT = timedelta(seconds=2)  # as often processes of auth look for new keys
PUBLISHED_FIRST = CACHED + LOOKED_AT + timedelta(seconds=3)  # and clocks may differ
KEPT_LONGER = timedelta(minutes=1)
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = "%Y%m%dT%H%M%SZ"
_KEY_ID = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Term:
    """A key signs from `signs_from` to `signs_until`, and verifies from the moment it is there to `verifies_until`."""

    key_id: str
    signs_from: datetime
    signs_until: datetime | None
    verifies_until: datetime | None

    def state(self, at: datetime) -> str:
        if at < self.signs_from:
            return "published"
        if self.signs_until is None or at < self.signs_until:
            return "signs"
        return "verifies" if self.is_needed(at) else "retired"

    def is_needed(self, at: datetime) -> bool:
        return self.verifies_until is None or at < self.verifies_until


def name_key(at: datetime, dice: str) -> str:
    """`dice` are eight hexadecimal digits."""
    return f"{at.strftime(_TIME)}-{dice}"


def made_at(key_id: str) -> datetime:
    """A key with a name of another form was there always."""
    found = _KEY_ID.fullmatch(key_id)
    try:
        return datetime.strptime(found[1], _TIME).replace(tzinfo=UTC) if found else ALWAYS
    except ValueError:
        return ALWAYS


def terms(key_ids: Iterable[str]) -> list[Term]:
    """The oldest first. It signs from its beginning, each other one when it has been published for a while."""
    ordered = sorted(key_ids, key=lambda key_id: (made_at(key_id), key_id))
    starts = [made_at(key_id) + (PUBLISHED_FIRST if n else timedelta()) for n, key_id in enumerate(ordered)]
    ends: list[datetime | None] = [*starts[1:], None][: len(starts)]
    return [
        Term(key_id, start, end, end + ACCESS_LIVES + KEPT_LONGER if end else None)
        for key_id, start, end in zip(ordered, starts, ends, strict=True)
    ]


def needed(key_ids: Iterable[str], at: datetime) -> list[Term]:
    """The keys that sign, will sign, or have signed a token that may live."""
    return [term for term in terms(key_ids) if term.is_needed(at)]


def signing(key_ids: Iterable[str], at: datetime) -> str | None:
    """The newest that may sign by now, else the oldest: a clock that was set back must not end all log-ins."""
    in_turn = terms(key_ids)
    ready = [term.key_id for term in in_turn if term.signs_from <= at]
    return ready[-1] if ready else next((term.key_id for term in in_turn), None)
