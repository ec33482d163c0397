"""Addresses on channels, at the HTTP door: one address, one user."""

import asyncio
import json
import secrets
from pathlib import Path

import httpx
import pytest

from libs.common import etcd
from services.auth.tests.someone import MakeSomeone, Someone, make_someone


@pytest.fixture
def someone(auth: httpx.AsyncClient, registry: etcd.Etcd, keys: Path) -> MakeSomeone:
    return lambda: make_someone(auth, registry, keys)


@pytest.fixture
async def bo(someone: MakeSomeone) -> Someone:
    return await someone()


@pytest.fixture
async def ana(someone: MakeSomeone) -> Someone:
    return await someone()


@pytest.fixture
def number() -> str:
    """A phone number that nobody has."""
    return f"49{secrets.randbelow(10**11) + 10**11}"


async def test_a_mapping_is_shown_to_its_user(ana: Someone, bo: Someone, number: str) -> None:
    answer = await ana.put("whatsapp", f"+{number}")
    assert answer.status_code == 200
    shown = {"channel": "whatsapp", "address": number, "verified": False, "in_use": True}
    assert answer.json() == shown | {"created_at": answer.json()["created_at"]}
    await ana.put("telegram", number)
    assert await ana.mapped() == {"telegram": number, "whatsapp": number}
    other = await bo.auth.get(f"/v1/users/{ana.username}", headers=bo.headers)
    assert other.json().keys() == {"username", "display_name"}


async def test_the_router_finds_both_directions(ana: Someone, registry: etcd.Etcd, number: str) -> None:
    await ana.put("whatsapp", number)
    mapping = json.loads(await registry.get(f"/parley/channels/{ana.username}/whatsapp") or b"")
    assert mapping.keys() == {"address", "created_at"}
    assert mapping["address"] == number
    assert await registry.get(f"/parley/addresses/whatsapp/{number}") == ana.username.encode()


async def test_the_same_address_again_changes_nothing(ana: Someone, number: str) -> None:
    first, again = await ana.put("whatsapp", number), await ana.put("whatsapp", f"+{number}")
    assert (again.status_code, again.json()) == (200, first.json())


async def test_an_address_has_one_user(ana: Someone, bo: Someone, number: str) -> None:
    await ana.put("whatsapp", number)
    answer = await bo.put("whatsapp", f"+{number}")
    assert (answer.status_code, answer.json()["code"]) == (409, "address_taken")
    assert await bo.mapped() == {}
    assert (await bo.put("telegram", number)).status_code == 200


async def test_moving_to_another_address_frees_the_old_one(ana: Someone, bo: Someone, number: str) -> None:
    await ana.put("whatsapp", number)
    assert (await ana.put("whatsapp", f"1{number[:10]}")).status_code == 200
    assert (await bo.put("whatsapp", number)).status_code == 200
    assert await ana.mapped() == {"whatsapp": f"1{number[:10]}"}


async def test_removing_a_mapping_frees_its_address(ana: Someone, bo: Someone, number: str) -> None:
    await ana.put("whatsapp", number)
    for _ in range(2):
        answer = await ana.delete("whatsapp")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-type" not in answer.headers
    assert await ana.mapped() == {}
    assert (await bo.put("whatsapp", number)).status_code == 200


async def test_of_many_who_want_one_address_at_once_one_gets_it(
    someone: MakeSomeone, registry: etcd.Etcd, number: str
) -> None:
    people = [await someone() for _ in range(20)]
    answers = await asyncio.gather(*(person.put("whatsapp", number) for person in people))
    winners = [p for p, answer in zip(people, answers, strict=True) if answer.status_code == 200]
    assert len(winners) == 1
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert await registry.get(f"/parley/addresses/whatsapp/{number}") == winners[0].username.encode()


async def test_whatever_one_does_at_once_no_address_is_left_without_its_mapping(
    ana: Someone, registry: etcd.Etcd, number: str
) -> None:
    wanted = [f"{number}{digit}" for digit in range(10)]
    work = [ana.put("whatsapp", address) for address in wanted] + [ana.delete("whatsapp") for _ in range(5)]
    answers = await asyncio.gather(*work, *(ana.put("whatsapp", address) for address in wanted))
    assert {answer.status_code for answer in answers} <= {200, 204}
    left = await registry.list(f"/parley/addresses/whatsapp/{number}")
    assert [key.rpartition("/")[2] for key in left] == list((await ana.mapped()).values())


@pytest.mark.parametrize("channel", ["internal", "all", "Telegram", "sms", "%00", "x" * 500])
async def test_a_channel_that_there_is_not_is_unknown(ana: Someone, channel: str) -> None:
    for answer in (await ana.put(channel, "42"), await ana.delete(channel)):
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_channel")
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/channel"]


@pytest.mark.parametrize(
    "address", ["", "0", "abc", "12/34", "1\n", "1\0", "\u0661\u0662\u0663", "9" * 17, "9" * 1_000_000, "../../x"]
)
async def test_an_address_of_another_form_is_refused_in_words(ana: Someone, address: str) -> None:
    answer = await ana.put("telegram", address)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    assert answer.json()["errors"][0]["pointer"] == "/address"
    assert "chat id" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 422),
        ("application/json", b'{"address": 42}', 422),
        ("application/json", b'{"address": null}', 422),
        ("application/json", rb'{"address": "\ud800"}', 422),
        ("application/json", b"[]", 422),
        ("application/json", b"{", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b"", 400),
        ("text/plain", b"42", 415),
    ],
)
async def test_a_wrong_body_is_refused(ana: Someone, kind: str, body: bytes, status: int) -> None:
    url = "/v1/users/me/channels/telegram"
    answer = await ana.auth.put(url, content=body, headers={**ana.headers, "content-type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_maps_without_a_token(auth: httpx.AsyncClient) -> None:
    url = "/v1/users/me/channels/telegram"
    assert (await auth.put(url, json={"address": "42"})).status_code == 401
    assert (await auth.delete(url)).status_code == 401
