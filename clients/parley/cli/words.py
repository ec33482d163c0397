"""Messages, sizes and speeds in words."""

import re
from typing import Any

import msgspec
from rich import filesize

from clients.parley.cli.output import clean
from clients.parley.objects import Message, SentFile

SHORT = 40
SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?) ?(|B|[kMG]i?B)", re.IGNORECASE | re.ASCII)
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def text_of(message: Message) -> str:
    """The text; of a file its name, size, and how to get it; or words for what has none of these."""
    file = _file_of(message)
    if file is None:
        return message.text or f"[{message.payload.get('type', 'something')}]"
    told = f"{_named(file)}  parley download {clean(file.file_id)}"
    return f"{told}\n{message.text}" if message.text else told


def marks_of(message: Message) -> str:
    """What was done to it since: edited, reactions of each."""
    edited = ["edited"] if message.edited_at else []
    marks = [*edited, *(f"{' '.join(one.reactions)} {one.username}" for one in message.reactions)]
    return clean(f"  ({', '.join(marks)})") if marks else ""


def short_text_of(message: Message) -> str:
    """The same for a table: one short line."""
    file = _file_of(message)
    words = f"{_named(file)} {message.text}".strip() if file else message.text
    told = clean(f"{message.sender}: {words}")
    return told if len(told) <= SHORT else f"{told[: SHORT - 1]}…"


def reason_of(error: Any) -> str:
    """Why something failed: the detail and its code, or whatever a newer platform says in other ways."""
    match error:
        case {"code": str(code), "detail": str(detail)}:
            return f"{detail} ({code})"
        case {"code": str(code)}:
            return code
    return str(error)


def size_of(count: int) -> str:
    return filesize.decimal(count)


def bytes_of(words: str) -> int:
    """The other way round: 20MB, 1.5 GB, 64MiB, 1000; `ValueError` for anything else."""
    found = SIZE.fullmatch(words.strip())
    if found is None:
        raise ValueError(f"{words} is no size: 20MB, 1.5GB, 64MiB, 1000")
    return int(float(found[1]) * UNITS[found[2].lower()])


def speed_of(count: int, took_s: float) -> str:
    """In brackets; nothing for what went too fast to be called a speed."""
    return f" ({size_of(int(count / took_s))}/s)" if count and took_s > 0.001 else ""


def duration_of(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _file_of(message: Message) -> SentFile | None:
    """None also for one that a newer platform describes in other ways."""
    try:
        return message.file
    except msgspec.ValidationError:
        return None


def _named(file: SentFile) -> str:
    return f"📎 {clean(file.filename)} ({size_of(file.size)})"
