"""What a file may be called: safe on every disk, in every header and before every eye."""

import unicodedata
from urllib.parse import quote

MAX_NAME = 1024  # characters of what a client says
MAX_BYTES = 255  # of what is kept: what file systems take
NAMELESS = "file"

# no control, format (also what turns the direction of writing), surrogate, private or unassigned character
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"), " ")  # letters and a pattern that look like spaces
FORBIDDEN = frozenset('<>:"|?*')
PORTS = {f"{name}{n}" for name in ("com", "lpt") for n in "123456789¹²³"}
DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"} | PORTS)
"""Windows means the device also where an ending follows, or spaces before it."""


def clean_name(said: str) -> str:
    """Its last part, without what a disk, a terminal or a reader may stumble over; the ending survives a cut."""
    last = said.replace("\\", "/").rstrip("/").rpartition("/")[2]
    normal = unicodedata.normalize("NFC", last).translate(BLANK)
    seen = "".join(c for c in normal if unicodedata.category(c) not in UNSEEN)
    name = " ".join("".join("_" if c in FORBIDDEN else c for c in seen).split()).strip(". ")
    if name.partition(".")[0].rstrip().lower() in DEVICES:
        name = f"_{name}"
    return _shortened(name) or NAMELESS


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > 16:
        stem, dot, ending = name, "", ""
    room = MAX_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + ending


def disposition(name: str) -> str:
    """`Content-Disposition` that saves and never shows (RFC 6266), in ASCII and as it is (RFC 8187)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
