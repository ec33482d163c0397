"""What a webhook's address must be, as far as it can be told without asking anybody."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.webhooks.outgoing.domain.addresses import Network, may_be_called, parse_address

MAX_URL = 2048
LOCAL = ("localhost", ".localhost")
LOOPBACK = "127.0.0.1"
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""As the end of a name it is none: the whole is an address in a form that few expect, such as 2130706433 or 127.1."""


@dataclass(frozen=True)
class Reach:
    """`networks` may be called though they are not public, and `http` without TLS."""

    http: bool = False
    networks: Sequence[Network] = ()


def url_fault(url: str, reach: Reach) -> str | None:
    """What is wrong with it, in words; names are looked up when they are called, each time."""
    if not 1 <= len(url) <= MAX_URL:
        return f"must be 1 to {MAX_URL} characters long, not {len(url)}"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be a URL in ASCII, without spaces"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "must be a valid URL"
    if parts.scheme not in (("http", "https") if reach.http else ("https",)):
        return "must begin with https://" + (" or http://" if reach.http else "")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "must hold neither credentials nor a fragment"
    return _host_fault(host, reach.networks)


def _host_fault(host: str, networks: Sequence[Network]) -> str | None:
    address = parse_address(LOOPBACK if host.rstrip(".") == LOCAL[0] or host.rstrip(".").endswith(LOCAL[1]) else host)
    if address is not None and not may_be_called(address, networks):
        return "must not lead to a private address"
    labels = host.rstrip(".").split(".")
    if address is None and (NUMBER.fullmatch(labels[-1]) or not all(map(LABEL.fullmatch, labels))):
        return "must name a host, or its address as it is usually written"
    return None
