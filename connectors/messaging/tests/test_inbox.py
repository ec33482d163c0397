"""Whence files are fetched, and what an account must be told; the rest stands in the cases of both channels."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.catalogue import Misconfigured, read_accounts
from connectors.exam.cases import Reply
from connectors.exam.platform import Platform, platform
from connectors.messaging.hosts import is_of
from connectors.messaging.inbound import Source, mid_of, named, read, split
from connectors.messaging.inbox import Inbox, _plain
from connectors.messenger import Settings
from connectors.messenger import page as page_of
from connectors.sdk import Connector, Refused, Unreadable

SOURCE = Source("page", "1234567890")
HOSTS = ("fbcdn.net", "fbsbx.com")
GIVEN = {
    "messenger": {"access_token": "EAAt", "app_secret": "s", "verify_token": "v", "page_id": "1234567890"},
    "instagram": {"access_token": "EAAt", "app_secret": "s", "verify_token": "v", "instagram_id": "17841400008460056"},
}


@asynccontextmanager
async def page(*replies: Reply) -> AsyncIterator[tuple[Inbox, Platform]]:
    async with platform(replies) as server, httpx.AsyncClient(trust_env=False, timeout=60) as http:
        yield page_of(http, msgspec.convert(GIVEN["messenger"] | {"base_url": server.url}, Settings)), server


@pytest.mark.parametrize(
    "url",
    [
        "https://fbcdn.net/a.png",
        "https://scontent.xx.fbcdn.net/v/a.png?oh=1",
        "https://cdn.fbsbx.com:443/v/a.pdf",
        "https://graph.example/files/a",
    ],
)
def test_files_stand_at_the_platform(url: str) -> None:
    assert is_of(url, HOSTS, "https://graph.example")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.png",
        "http://fbcdn.net/a.png",
        "https://evilfbcdn.net/a.png",
        "https://fbcdn.net.example/a.png",
        "https://169.254.169.254/fbcdn.net",
        "https://fbcdn.net@127.0.0.1/a.png",
        "https://me@fbcdn.net/a.png",
        "https://fbcdn.net:6379/a.png",
        "https://fbcdn.net:x/a.png",
        "https://[fbcdn.net/a.png",
        "https://graph.example.evil/a.png",
        "file:///etc/passwd",
    ],
)
def test_files_are_fetched_from_nowhere_else(url: str) -> None:
    assert not is_of(url, HOSTS, "https://graph.example")


@given(st.text())
def test_whatever_is_told_as_a_url_is_judged(url: str) -> None:
    assert not is_of(url, (), "https://graph.example/never")


async def test_a_file_is_fetched_without_the_token_and_nobody_is_sent_elsewhere() -> None:
    moved = Reply(302, headers={"location": "http://127.0.0.1:1/secret"})
    async with page(Reply(text="bytes"), moved, Reply(404)) as (messenger, server):
        file, content = await messenger.open_file(f"{server.url}/files/cat.png?oh=1")
        assert (file.filename, file.content_type) == ("cat.png", "image/png")
        assert b"".join([piece async for piece in content]) == b"bytes"
        assert "authorization" not in server.seen[0].headers
        _, content = await messenger.open_file(f"{server.url}/files/cat.png")
        with pytest.raises(Exception, match="HTTP 302"):
            await anext(content)
        _, content = await messenger.open_file(f"{server.url}/files/gone.png")
        with pytest.raises(Refused) as refused:
            await anext(content)
        assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    ("filename", "plain"),
    [
        ("cat.png", "cat.png"),
        ("Čekovi.pdf", "_ekovi.pdf"),
        ("猫.png", "_.png"),
        ("猫", "_"),
        ("to be continued…", "to be continued_"),
        ('a"b\n.txt', 'a"b_.txt'),
    ],
)
def test_a_name_is_made_plain(filename: str, plain: str) -> None:
    assert _plain(filename) == plain


def test_the_name_in_a_url_is_taken_where_it_tells_a_type() -> None:
    assert named("https://fbcdn.net/v/%C4%8Dek.pdf?x=1", "file", "x/y") == ("ček.pdf", "application/pdf")
    assert named("https://fbcdn.net/v/1234_n", "image.jpg", "image/jpeg") == ("image.jpg", "image/jpeg")


@pytest.mark.parametrize(
    "url", ["https://[fbcdn.net/x.png", "https://evil\\.fbcdn.net/x.png", "https://a.fbcdn.net/\x7f"]
)
async def test_a_file_that_stands_at_no_possible_address_is_not_there(url: str) -> None:
    assert named(url, "image.jpg", "image/jpeg")
    (account,) = read_accounts({"messenger": {"main": GIVEN["messenger"]}}).on
    async with httpx.AsyncClient(timeout=60) as http:
        with pytest.raises(Refused):
            await _begun(account.connector(http), url)


async def _begun(connector: Connector, url: str) -> bytes:
    _, content = await connector.open_file(url)
    return await anext(content)


def test_parts_of_a_message_belong_to_it() -> None:
    assert (mid_of("m_5"), mid_of("m_5/3")) == ("m_5", "m_5")


@pytest.mark.parametrize("channel", GIVEN)
def test_without_a_token_an_account_is_off_and_says_so(channel: str) -> None:
    given = {name: value for name, value in GIVEN[channel].items() if name != "access_token"}
    (off,) = read_accounts({channel: {"main": given}}).off
    assert str(off) == f"{channel}/main is off: access_token is not set"


@pytest.mark.parametrize("channel", GIVEN)
@pytest.mark.parametrize("missing", ["app_secret", "verify_token"])
def test_without_a_secret_nothing_is_started(channel: str, missing: str) -> None:
    with pytest.raises(Misconfigured, match=f"{channel}/main: {missing} is missing"):
        read_accounts({channel: {"main": GIVEN[channel] | {missing: ""}}})


@pytest.mark.parametrize("channel", GIVEN)
def test_no_secret_is_shown(channel: str) -> None:
    (account,) = read_accounts({channel: {"main": GIVEN[channel] | {"app_secret": "hidden"}}}).on
    assert "EAAt" not in repr(account.settings)
    assert "hidden" not in repr(account.settings)


EVENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["sender", "recipient", "id", "message", "mid", "read", "watermark", "reaction", "timestamp"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(EVENTS)
def test_whatever_an_event_is_it_is_told_or_kept(event: object) -> None:
    entry = {"id": SOURCE.account, "messaging": [event, event]}
    updates = split(msgspec.json.encode({"object": "page", "entry": [entry]}), SOURCE)
    assert [update.body for update in updates] == [msgspec.json.encode(event)] * 2
    assert updates[0].provider_id == updates[1].provider_id
    try:
        read(updates[0].body, SOURCE.account)
    except Unreadable:
        return
