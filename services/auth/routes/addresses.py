"""Where a request comes from: what the gateway says, and nobody else."""

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_address

from fastapi import Request

Proxies = Collection[IPv4Network | IPv6Network]
"""The networks of the gateway."""


def caller_address(request: Request, proxies: Proxies) -> str:
    """The gateway writes `X-Forwarded-For` anew; from anybody else the header is only words."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "")
    return forwarded.rpartition(",")[2].strip() if forwarded and _is_proxy(peer, proxies) else peer


def _is_proxy(peer: str, proxies: Proxies) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in proxies)
