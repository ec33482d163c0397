"""Which scanner looks at files before anybody may have them, and how it is asked."""

from urllib.parse import parse_qs, urlencode, urlsplit

from services.files.scanners.clamd import Clamd
from services.files.scanners.icap import Icap
from services.files.scanners.verdicts import Scanner, ScanRefused, Verdict
from services.files.scanners.wire import Address

__all__ = ["ScanRefused", "Scanner", "Verdict", "scanner_from"]

MIB = 1024 * 1024
LARGEST_MIB = 100  # what clamd reads whole unless it is told otherwise (MaxFileSize and StreamMaxLength)
PORTS = {"clamd": 3310, "icap": 1344}
FORMS = "clamd://host:port, clamd+unix:///path or icap://host:port/service, each with ?largest_mib=100"


def scanner_from(url: str) -> Scanner | None:
    """None for "": scanning is off. Raises `ValueError`, in words for whoever wrote the setting."""
    if not url:
        return None
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    said = query.pop("largest_mib", [str(LARGEST_MIB)])[-1]
    if not (said.isascii() and said.isdigit()) or int(said) < 1:
        raise ValueError(f"a scanner is {FORMS}")
    service = parts.path + (f"?{urlencode(query, doseq=True)}" if query else "")
    return _scanner(parts.scheme, _address(url), service, int(said) * MIB)


def _scanner(scheme: str, address: Address, service: str, largest: int) -> Scanner:
    if scheme == "clamd+unix" and address.path and service == address.path:
        return Clamd(address, largest)
    if scheme == "clamd" and address.host and service in ("", "/"):
        return Clamd(address, largest)
    if scheme == "icap" and address.host and service[:1] == "/" and service[1:2] not in ("", "?"):
        return Icap(address, service[1:], largest)
    raise ValueError(f"a scanner is {FORMS}")


def _address(url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme == "clamd+unix":
        return Address(path=parts.path if not parts.netloc else "")
    try:
        return Address(parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0))
    except ValueError:
        raise ValueError(f"a scanner is {FORMS}") from None
