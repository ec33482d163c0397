"""Whether a URL leads to the platform: what strangers say is never fetched from anywhere else."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

NAME = re.compile(r"[a-z0-9.-]+")
"""What clients disagree about how to read is no name of the platform's."""


def is_of(url: str, hosts: Iterable[str], base_url: str) -> bool:
    """HTTPS at the usual port of one of the hosts, or of a host below one; or whatever begins as `base_url`."""
    if url.startswith(f"{base_url}/"):
        return True
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        return False
    is_plain = parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc
    return (
        is_plain
        and NAME.fullmatch(host) is not None
        and any(host == each or host.endswith(f".{each}") for each in hosts)
    )
