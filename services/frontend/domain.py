"""What a conversation must be, where a page of a list goes on, and what the receipts of a message amount to."""

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

import msgspec

from libs.common.errors import Problem, invalid
from libs.common.lines import spills
from libs.common.shapes import Someone, shown

MAX_TITLE = 128
MAX_MEMBERS = 256
UNREAD_WINDOW = 10_000  # messages, about 12 ms to pass over
USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,63}")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ConversationRequest(msgspec.Struct, frozen=True, kw_only=True):
    type: Annotated[str, shown(enum=["private", "group"])]
    members: Annotated[list[Someone], shown(minItems=1)]
    title: Annotated[str, shown(minLength=1, maxLength=MAX_TITLE)] | None = None


def choose_members(caller: str, asked: ConversationRequest) -> list[str]:
    """Everybody in it, sorted, each once, the caller too. Raises `Problem` 422."""
    members = sorted({caller, *asked.members})
    match asked.type:
        case "private" if len(members) != 2:
            raise invalid("/members", "must name exactly one member other than yourself")
        case "group" if not 2 <= len(members) <= MAX_MEMBERS:
            raise invalid("/members", f"must name 1 to {MAX_MEMBERS - 1} members other than yourself")
        case "private" | "group":
            return members
    raise invalid("/type", "must be private or group")


def check_title(title: str | None) -> None:
    """A title stands in a line among other words, in pages and terminals. Raises `Problem` 422."""
    if title is None:
        return
    if not 1 <= len(title) <= MAX_TITLE or title.isspace():
        raise invalid("/title", f"must be 1 to {MAX_TITLE} characters long, and not blank")
    if spills(title):
        raise invalid("/title", "must hold no control characters, ends of lines and marks that turn the direction")


def pair_key(members: Sequence[str]) -> str:
    """The same for the same two people, whoever asks: they have one private conversation."""
    return " ".join(sorted(members))


def count_from(read_mark: int, last_number: int) -> int:
    """Above which number unread messages are counted: the read mark, but of a long history only its newest part.

    The caller's own messages are passed over one by one, so that without a bound a busy sender who never reads would
    pay for all that they ever wrote.
    """
    return max(read_mark, last_number - UNREAD_WINDOW)


class Position(NamedTuple):
    """A place in a list ordered by activity: after this conversation, as it stood then."""

    last_activity: datetime
    conversation_id: str


def to_cursor(position: Position) -> str:
    milliseconds = (position.last_activity - _EPOCH) // timedelta(milliseconds=1)
    return base64.urlsafe_b64encode(f"{milliseconds} {position.conversation_id}".encode()).rstrip(b"=").decode()


def from_cursor(cursor: str) -> Position:
    """Raises `Problem` 422 for what `to_cursor` never made."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        milliseconds, conversation_id = text.split(" ")
        position = Position(_EPOCH + timedelta(milliseconds=int(milliseconds)), conversation_id)
    except (ValueError, OverflowError) as error:
        raise _no_cursor() from error
    if to_cursor(position) != cursor:
        raise _no_cursor()
    return position


def _no_cursor() -> Problem:
    return invalid("/query/cursor", "must be a next_cursor as it was given")
