"""Which content types are taken, and what the bytes themselves say."""

import re
from collections.abc import Iterable

import puremagic

from libs.common.errors import Problem, invalid

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
LIKELY = 0.3  # below it a few common letters at the start decide
ANSWER = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
WRITTEN = re.compile(r"text/.+|application/(.+\+)?(json|xml|yaml)|image/svg\+xml|application/x-ndjson")
ZIPPED = re.compile(r"application/(zip|epub\+zip|java-archive|vnd\.(openxmlformats|oasis|ms-).+)")
SAME = {
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "image/heic": "image/heif",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "text/xml": "application/xml",
    "video/x-m4v": "video/mp4",
}
PROGRAMS = (
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-executable"),
    (b"PK\x03\x04", "application/zip"),
)
ALLOWED = (
    *(f"image/{kind}" for kind in ("avif", "bmp", "gif", "heic", "heif", "jpeg", "png", "tiff", "webp")),
    *("audio/*", "video/*"),
    *(f"text/{kind}" for kind in ("calendar", "csv", "markdown", "plain", "vcard")),
    *(f"application/{kind}" for kind in ("gzip", "json", "octet-stream", "pdf", "rtf", "zip")),
    *("application/x-7z-compressed", "application/x-tar"),
    *("application/msword", "application/vnd.ms-*", "application/vnd.oasis.*", "application/vnd.openxmlformats-*"),
)  # fmt: skip
"""Without what a browser runs as a program: HTML, SVG, scripts."""


def normal_type(said: str) -> str:
    """Type and subtype alone, in lower case. Raises `Problem` 422."""
    kind = said.partition(";")[0].strip().lower()
    if not ANSWER.fullmatch(kind):
        raise invalid("/content_type", "must be a media type such as image/png")
    return kind


def require_allowed(kind: str, allowed: Iterable[str]) -> None:
    """`allowed` are types, or beginnings with `*`. Raises `Problem` 422."""
    if not any(kind.startswith(one[:-1]) if one.endswith("*") else kind == one for one in allowed):
        raise invalid("/content_type", f"{kind} is not taken here", "content_type_not_allowed")


def detect_type(head: bytes, declared: str) -> str:
    """By the first bytes of a file; of what fits them equally, what was declared."""
    fitting = _fitting(head)
    if _canonical(declared) in map(_canonical, fitting):
        return declared
    for start, kind in PROGRAMS:
        if head.startswith(start):
            return declared if kind == "application/zip" and ZIPPED.fullmatch(declared) else kind
    if fitting:
        return fitting[0]
    return TEXT if _is_text(head) else UNKNOWN


def types_match(declared: str, detected: str) -> bool:
    """Whether the bytes may be what they were called; anything may be called plain bytes."""
    if declared == UNKNOWN or _canonical(declared) == _canonical(detected):
        return True
    return detected == TEXT and WRITTEN.fullmatch(declared) is not None


def _fitting(head: bytes) -> list[str]:
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return []
    return [match.mime_type for match in found if match.mime_type and match.confidence >= LIKELY]


def _canonical(kind: str) -> str:
    return SAME.get(kind, kind)


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters; the last character may be cut."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or error.reason != "unexpected end of data":
            return False
        text = head[: error.start].decode()
    return bool(head) and all(c.isprintable() or c in "\t\n\r\f" for c in text)


def patterns(said: str) -> tuple[str, ...]:
    """The allow list as a setting writes it, by commas; empty: that of the product. Raises `ValueError`."""
    listed = tuple(part.strip().lower() for part in said.split(",") if part.strip())
    for one in listed:
        if not re.fullmatch(r"\*|[a-z0-9!#$&^_.+/-]+\*?", one):
            raise ValueError(f"{one} is no content type")
    return listed or ALLOWED


__all__ = ["ALLOWED", "Problem", "detect_type", "normal_type", "patterns", "require_allowed", "types_match"]
