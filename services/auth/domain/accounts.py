"""What a valid account is."""

import re
from dataclasses import dataclass
from datetime import datetime

from libs.common.lines import spills

OPERATOR = "operator"
_USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,63}")


@dataclass(frozen=True, slots=True)
class User:
    username: str
    display_name: str
    password_hash: str
    created_at: datetime
    roles: tuple[str, ...] = ("user",)


def is_username(value: str) -> bool:
    return _USERNAME.fullmatch(value) is not None


def username_fault(value: str) -> str | None:
    """Why this is no username, in words for people; None if it is one. So for the other faults."""
    if is_username(value):
        return None
    return "3 to 64 characters of a-z, 0-9, '.', '_' and '-', the first of them a letter."


def text_fault(value: str) -> str | None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        return "Must be valid Unicode without the character NUL."
    return None


def password_fault(value: str) -> str | None:
    if fault := text_fault(value):
        return fault
    if len(value) < 10:
        return "At least 10 characters."
    if len(value.encode()) > 72:
        return "At most 72 bytes in UTF-8: bcrypt takes no more."
    return None


def display_name_fault(value: str) -> str | None:
    if not 1 <= len(value) <= 64:
        return "1 to 64 characters."
    if spills(value):
        return "Must be valid Unicode without control characters, line ends and marks that turn the direction."
    if value.isspace():
        return "Must not be blank."
    return None
