"""What a file is called here: the platform's word for it decides neither folder nor anything hidden."""

import re

MOST_BYTES = 200
LONGEST_SUFFIX = 20


def safe_name(filename: str, fallback: str) -> str:
    """The last part of the name, printable, not hidden, short enough for any file system."""
    last = re.split(r"[/\\]", filename)[-1]
    kept = "".join(letter for letter in last if letter.isprintable()).strip().lstrip(".").strip()
    return _shortened(kept) or fallback


def _shortened(name: str) -> str:
    """Its end stays, because it says what the file is."""
    stem, dot, suffix = name.rpartition(".")
    end = f".{suffix}" if stem and dot and len(suffix) <= LONGEST_SUFFIX else ""
    start = name.removesuffix(end) if end else name
    return start.encode()[: MOST_BYTES - len(end.encode())].decode(errors="ignore") + end
