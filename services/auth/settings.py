"""What auth is told from outside."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from libs.common.settings import CommonSettings


class Settings(CommonSettings):
    """`proxies`: the networks of the gateway, whose word on a caller's address is believed.

    `verify_addresses`: nothing goes to an address on a channel before a code that was sent there has proven it.
    """

    auth_port: int = 8201
    keys: Path = Path(".local/secrets/keys")
    proxies: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    verify_addresses: bool = False
