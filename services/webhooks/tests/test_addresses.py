"""Whom webhooks may call: the internet, and nothing behind it, in whatever form it is written."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.outgoing.domain.addresses import Network, may_be_called
from services.webhooks.outgoing.domain.urls import Reach, url_fault

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.88.99.1"),
    *("0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.7"),  # noqa: S104
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:7f00:1", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1"),
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_of_the_internet_is_refused(address: str) -> None:
    assert not may_be_called(ip_address(address), ())


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_of_the_internet_may_be_called(address: str) -> None:
    assert may_be_called(ip_address(address), ())


@given(st.ip_addresses(v=4))
def test_no_form_of_an_address_says_otherwise_than_the_address(address: IPv4Address) -> None:
    forms = [f"::ffff:{address}", f"64:ff9b::{address}", str(IPv6Address((0x2002 << 112) | int(address) << 80))]
    assert {may_be_called(ip_address(form), ()) for form in forms} == {may_be_called(address, ())}


def test_a_setting_lets_networks_in_and_no_others() -> None:
    networks: list[Network] = [ip_network("127.0.0.0/8"), ip_network("fc00::/7")]
    allowed = [a for a in PRIVATE if may_be_called(ip_address(a), networks)]
    assert set(allowed) == {
        *("127.0.0.1", "127.8.8.8", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("fc00::1", "fd00:ec2::254"),
    }


def test_no_setting_lets_in_what_is_no_address_of_anybody() -> None:
    everything: list[Network] = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert not any(may_be_called(ip_address(a), everything) for a in ("0.0.0.0", "::", "224.0.0.1", "ff02::1"))  # noqa: S104


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com/hooks", "ftp://example.com", "http://example.com/", "//example.com", "https://"),
        *("https://user:word@example.com/", "https://example.com/#part", "https://exa mple.com/", "https://é.com/"),
        *("https://127.0.0.1/", "https://[::1]:8443/", "https://localhost/", "https://x.localhost./", "https://a..b/"),
        *("https://169.254.169.254/latest", "https://example.com:99999/", "https://[fe80::1", "https://x\n.com/"),
        *("https://2130706433/", "https://0x7f000001/", "https://127.1/", "https://0177.0.0.1/", "https://0/"),
        *("https://%31.example.com/", "https://*.example.com/", "https://-a.example.com/", "https://a,b/"),
        f"https://example.com/{'x' * 2048}",
    ],
)
def test_addresses_that_can_never_be_called_are_refused_at_once(url: str) -> None:
    assert url_fault(url, Reach())


@pytest.mark.parametrize(
    "url",
    [
        "https://EXAMPLE.com/hooks?a=b",
        "https://my_host-1/",
        "https://xn--bcher-kva.example/",
        "https://8.8.8.8:444/",
        "https://a.example.:8443",
    ],
)
def test_others_are_taken(url: str) -> None:
    assert url_fault(url, Reach()) is None


def test_development_takes_http_and_its_own_machine() -> None:
    reach = Reach(http=True, networks=[ip_network("127.0.0.0/8")])
    assert url_fault("http://localhost:9000/", reach) is None
    assert url_fault("http://10.0.0.1/", reach)
