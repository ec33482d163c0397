"""Which addresses may be called: what is reached from the internet, and networks that a setting names."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNICAST = IPv6Network("2000::/3")  # all that IANA gives out
NAT64 = IPv6Network("64:ff9b::/96")
TEREDO = IPv6Network("2001::/32")
NOT_PUBLIC = (
    IPv4Network("168.63.129.16/32"),  # Azure's own services, seen from its machines
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
)


def parse_address(host: str) -> Address | None:
    """None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def may_be_called(address: Address, networks: Sequence[Network]) -> bool:
    """Public, or of `networks`. An IPv6 address that stands for an IPv4 one is judged as that one."""
    meant = _meant(address)
    if meant is None or meant.is_unspecified or meant.is_multicast:
        return False
    if any(meant.version == network.version and meant in network for network in networks):
        return True
    return _is_public(meant)


def _meant(address: Address) -> Address | None:
    """None for forms whose IPv4 end somebody else decides."""
    if isinstance(address, IPv4Address):
        return address
    if address in TEREDO:
        return None
    if embedded := address.ipv4_mapped or address.sixtofour:
        return embedded
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return IPv6Address(int(address))  # without its scope


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        return address in UNICAST and address.is_global
    return address.is_global and not address.is_reserved and not any(address in network for network in NOT_PUBLIC)
