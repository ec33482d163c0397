"""Proving addresses, at the HTTP door: a code is sent there, and only who brings it back has the address."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from libs.common import etcd
from libs.common.clock import now
from libs.common.errors import Problem, Unavailable
from libs.common.events import NoticeEvent
from services.auth.domain.claims import ATTEMPTS, OF_ADDRESS, OF_USER, Claim
from services.auth.handlers.passwords import Passwords
from services.auth.handlers.proving import Proving, Sending
from services.auth.main import application
from services.auth.store.channels import EtcdMappings
from services.auth.store.claims import EtcdClaims
from services.auth.store.keys import KeyRing
from services.auth.tests.conftest import PROXIES, MakeKey, client_of
from services.auth.tests.someone import Someone, make_someone

RIGHT = 200


@dataclass
class Post:
    """What was sent to addresses; `is_away`: nothing can be; it `takes_long` to send while that is not set."""

    sent: list[NoticeEvent] = field(default_factory=list)
    is_away: bool = False
    takes_long: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.takes_long.set()

    async def publish(self, notice: NoticeEvent) -> None:
        if self.is_away:
            raise Unavailable("Kafka", "a test says so")
        self.sent.append(notice)
        await self.takes_long.wait()

    def code(self, address: str) -> str:
        """The last one that went there."""
        last = [notice.text for notice in self.sent if notice.address == address][-1]
        (code,) = re.findall(r"\b[0-9]{6}\b", last)
        return str(code)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def proving(
    registry: etcd.Etcd, keys: Path, make_key: MakeKey, passwords: Passwords, post: Post
) -> AsyncIterator[httpx.AsyncClient]:
    """Auth where proofs are asked for, and codes go to Telegram alone."""
    make_key()
    sending = Sending(lambda: {"telegram"}, post.publish)
    async with client_of(application(registry, KeyRing(keys), PROXIES, passwords, sending)) as client:
        yield client


@pytest.fixture
async def ana(proving: httpx.AsyncClient, registry: etcd.Etcd, keys: Path) -> Someone:
    return await make_someone(proving, registry, keys)


@pytest.fixture
async def bo(proving: httpx.AsyncClient, registry: etcd.Etcd, keys: Path) -> Someone:
    return await make_someone(proving, registry, keys)


@pytest.fixture
def address() -> str:
    """A chat that nobody has."""
    return str(secrets.randbelow(10**11) + 10**11)


def outcome(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


async def test_an_address_is_used_when_its_code_came_back(ana: Someone, post: Post, address: str) -> None:
    claimed = await ana.put("telegram", address)
    assert claimed.status_code == 200
    shown = {"channel": "telegram", "address": address, "verified": False, "in_use": False}
    assert claimed.json().items() >= shown.items()
    assert (await ana.mapped(), [one["in_use"] for one in await ana.shown()]) == ({}, [False])
    proven = await ana.verify("telegram", f" {post.code(address)[:3]} {post.code(address)[3:]}")
    assert proven.json().items() >= (shown | {"verified": True, "in_use": True}).items()
    assert await ana.shown() == [proven.json()]
    assert (await ana.verify("telegram", "000000")).json() == proven.json()
    assert (await ana.put("telegram", address)).json() == proven.json()
    assert len(post.sent) == 1


async def test_until_then_the_router_knows_nothing_of_it_and_nobody_can_read_the_code(
    ana: Someone, registry: etcd.Etcd, post: Post, address: str
) -> None:
    await ana.put("telegram", address)
    assert await registry.list(f"/parley/channels/{ana.username}/") == {}
    assert await registry.get(f"/parley/addresses/telegram/{address}") is None
    kept = await registry.get(f"/parley/claims/{ana.username}/telegram") or b""
    assert post.code(address).encode() not in kept.replace(address.encode(), b"")  # which may hold it by chance
    (notice,) = post.sent
    assert f"account {ana.username} " in notice.text


async def test_a_code_bears_five_attempts_however_many_ask_at_once(ana: Someone, post: Post, address: str) -> None:
    await ana.put("telegram", address)
    wrong = f"{(int(post.code(address)) + 1) % 10**6:06}"
    answers = await asyncio.gather(*(ana.verify("telegram", wrong) for _ in range(ATTEMPTS + 2)))
    outcomes = sorted(outcome(answer) for answer in answers)
    assert outcomes == [(422, "wrong_code")] * ATTEMPTS + [(429, "too_many_attempts")] * 2
    refused = await ana.verify("telegram", post.code(address))
    assert outcome(refused) == (429, "too_many_attempts")
    assert int(refused.headers["retry-after"]) == 1
    await ana.put("telegram", address)
    assert (await ana.verify("telegram", post.code(address))).status_code == RIGHT


async def test_an_old_code_is_void(ana: Someone, registry: etcd.Etcd, post: Post, address: str) -> None:
    await ana.put("telegram", address)
    key = f"/parley/claims/{ana.username}/telegram"
    claim = msgspec.json.decode(await registry.get(key) or b"", type=Claim)
    past = now() - timedelta(seconds=1)
    await registry.put(key, msgspec.json.encode(replace(claim, expires_at=past)))
    assert outcome(await ana.verify("telegram", post.code(address))) == (410, "code_expired")


async def test_another_code_takes_the_place_of_the_first(ana: Someone, post: Post, address: str) -> None:
    await ana.put("telegram", address)
    first = post.code(address)
    await ana.put("telegram", address)
    if first != post.code(address):
        assert outcome(await ana.verify("telegram", first)) == (422, "wrong_code")
    assert (await ana.verify("telegram", post.code(address))).status_code == RIGHT


async def test_an_address_gets_three_codes_an_hour_whoever_asks(ana: Someone, bo: Someone, address: str) -> None:
    for who in [ana, bo, ana][:OF_ADDRESS]:
        assert (await who.put("telegram", address)).status_code == 200
    refused = await bo.put("telegram", address)
    assert outcome(refused) == (429, "too_many_codes")
    assert 3500 < int(refused.headers["retry-after"]) <= 3600


async def test_no_more_of_them_go_out_where_many_are_asked_for_at_once(ana: Someone, post: Post, address: str) -> None:
    post.takes_long.clear()
    asking = [asyncio.create_task(ana.put("telegram", address)) for _ in range(2 * OF_ADDRESS)]
    async with asyncio.timeout(60):
        while len(post.sent) + sum(task.done() for task in asking) < len(asking):
            await asyncio.sleep(0.01)
    post.takes_long.set()
    answers = await asyncio.gather(*asking)
    assert sorted(answer.status_code for answer in answers) == [200] * OF_ADDRESS + [429] * OF_ADDRESS
    assert len(post.sent) == OF_ADDRESS


async def test_who_has_had_them_takes_no_turn_of_those_who_log_in(
    ana: Someone, registry: etcd.Etcd, post: Post, address: str
) -> None:
    for _ in range(OF_ADDRESS):
        await ana.put("telegram", address)
    sending = Sending(lambda: {"telegram"}, post.publish)
    with Passwords(1, queue_per_core=-1) as no_turns:
        proving = Proving(EtcdClaims(registry), EtcdMappings(registry), no_turns, sending)
        with pytest.raises(Problem) as refused:
            await proving.claim(ana.username, "telegram", address)
    assert refused.value.code == "too_many_codes"


async def test_a_crowd_of_wrong_codes_takes_one_turn_at_a_time(
    ana: Someone, registry: etcd.Etcd, post: Post, address: str
) -> None:
    await ana.put("telegram", address)
    with Passwords(1, queue_per_core=0) as one_turn:
        proving = Proving(EtcdClaims(registry), EtcdMappings(registry), one_turn, None)
        guesses = [proving.prove(ana.username, "telegram", "no code") for _ in range(ATTEMPTS + 1)]
        outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    codes = sorted(outcome.code for outcome in outcomes if isinstance(outcome, Problem))
    assert codes == ["too_many_attempts"] + ["wrong_code"] * ATTEMPTS


async def test_a_user_gets_so_many_codes_an_hour_wherever_they_go(ana: Someone, post: Post, address: str) -> None:
    answers = [await ana.put("telegram", f"{address}{number}") for number in range(OF_USER + 1)]
    assert [answer.status_code for answer in answers] == [200] * OF_USER + [429]
    assert len(post.sent) == OF_USER


async def test_what_could_not_be_sent_does_not_count(ana: Someone, post: Post, address: str) -> None:
    post.is_away = True
    for _ in range(OF_ADDRESS + 1):
        assert (await ana.put("telegram", address)).status_code == 503
    post.is_away = False
    for _ in range(OF_ADDRESS):
        assert (await ana.put("telegram", address)).status_code == 200
    assert (await ana.verify("telegram", post.code(address))).status_code == RIGHT


async def test_two_may_try_and_who_proves_it_has_it(ana: Someone, bo: Someone, post: Post, address: str) -> None:
    await ana.put("telegram", address)
    of_ana = post.code(address)
    await bo.put("telegram", address)
    assert (await bo.verify("telegram", post.code(address))).status_code == RIGHT
    assert outcome(await ana.verify("telegram", of_ana)) == (409, "address_taken")
    assert outcome(await ana.put("telegram", address)) == (409, "address_taken")
    assert (await ana.mapped(), await bo.mapped()) == ({}, {"telegram": address})


async def test_the_address_of_before_is_used_until_the_next_is_proven(
    ana: Someone, bo: Someone, post: Post, address: str
) -> None:
    first, second = f"{address}1", f"{address}2"
    await ana.put("telegram", first)
    await ana.verify("telegram", post.code(first))
    await ana.put("telegram", second)
    assert await ana.mapped() == {"telegram": first}
    await ana.verify("telegram", post.code(second))
    assert [one["address"] for one in await ana.shown()] == [second]
    assert (await bo.put("telegram", first)).status_code == 200


async def test_what_was_mapped_without_a_proof_stays_until_somebody_proves_it(
    ana: Someone, bo: Someone, registry: etcd.Etcd, post: Post, address: str
) -> None:
    at = now().isoformat()
    value = msgspec.json.encode({"address": address, "created_at": at})
    await registry.put(f"/parley/channels/{ana.username}/telegram", value)
    await registry.put(f"/parley/addresses/telegram/{address}", ana.username.encode())
    assert [(one["verified"], one["in_use"]) for one in await ana.shown()] == [(False, True)]
    await bo.put("telegram", address)
    assert await ana.mapped() == {"telegram": address}
    await bo.verify("telegram", post.code(address))
    assert (await ana.shown(), await bo.mapped()) == ([], {"telegram": address})


async def test_who_takes_back_what_they_claimed_can_no_longer_prove_it(ana: Someone, post: Post, address: str) -> None:
    await ana.put("telegram", address)
    await ana.delete("telegram")
    assert await ana.shown() == []
    assert outcome(await ana.verify("telegram", post.code(address))) == (404, "not_found")


async def test_no_code_goes_to_a_channel_that_is_not_configured(ana: Someone, post: Post) -> None:
    assert outcome(await ana.put("whatsapp", "4912345678")) == (409, "channel_not_configured")
    assert post.sent == []


async def test_a_code_that_is_no_text_is_a_wrong_one(ana: Someone, address: str) -> None:
    await ana.put("telegram", address)
    url, headers = "/v1/users/me/channels/telegram/verify", ana.headers | {"content-type": "application/json"}
    answer = await ana.auth.post(url, content=b'{"code":"\\ud800"}', headers=headers)
    assert outcome(answer) == (422, "wrong_code")


@pytest.mark.parametrize("code", ["", "12345", "1" * 5_000, "\u0661\u0662\u0663\u0664\u0665\u0666", "a\0b"])
async def test_whatever_is_no_code_is_a_wrong_one(ana: Someone, address: str, code: str) -> None:
    await ana.put("telegram", address)
    assert outcome(await ana.verify("telegram", code)) == (422, "wrong_code")
