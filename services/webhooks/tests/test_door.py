"""The door for platforms: what is taken and refused, and when it is answered; the test stands where Kafka stands."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from connectors.meta import answer_challenge
from connectors.sdk import WebhookRequest
from connectors.telegram import Settings, Telegram
from libs.common.bus import Outgoing
from libs.common.errors import Unavailable
from libs.common.events import INBOUND_EVENTS, InboundEvent, decode
from services.webhooks.main import wire

SECRET = "a-secret-of-tests"
HOOK = "/v1/channels/telegram/main/webhook"
PROOF = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
ASKING = "/v1/channels/telegram/asking/webhook"
ASKED = {"hub.mode": "subscribe", "hub.verify_token": SECRET, "hub.challenge": "<b>1158201444</b>"}
HELLO = {"update_id": 7, "message": {"message_id": 3, "date": 1, "chat": {"id": 42}, "text": "hi"}}


@dataclass
class Outbox:
    """What was published, in order; nothing is taken while Kafka `is_away`."""

    records: list[Outgoing] = field(default_factory=list)
    is_away: bool = False

    async def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        raise NotImplementedError

    async def publish_each(self, records: Sequence[Outgoing]) -> Sequence[Unavailable | None]:
        if self.is_away:
            return [Unavailable("Kafka", "a test has it so")] * len(records)
        self.records += records
        return [None] * len(records)

    @property
    def events(self) -> list[InboundEvent]:
        return [decode(InboundEvent, record.value) for record in self.records]


@dataclass(frozen=True)
class Scene:
    http: httpx.AsyncClient
    kafka: Outbox


class Asking(Telegram):
    """As if Telegram asked by GET, too."""

    def handshake(self, request: WebhookRequest) -> str:
        return answer_challenge(request, SECRET)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    kafka = Outbox()
    async with httpx.AsyncClient() as nowhere:
        settings = Settings(token="700000001:a_token_of_tests", webhook_secret=SECRET)
        bots = {("telegram", "main"): Telegram(nowhere, settings), ("telegram", "asking"): Asking(nowhere, settings)}
        unused: Any = None
        app = wire(bots, kafka, unused, unused, unused, {}, {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            yield Scene(http, kafka)


async def test_what_is_nested_too_deep_to_be_read_is_kept_all_the_same(scene: Scene) -> None:
    deep = b'{"update_id": 7, "message": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    assert (await scene.http.post(HOOK, content=deep, headers=PROOF)).status_code == 200
    (event,) = scene.kafka.events
    assert (event.address, event.body) == ("", deep)
    assert (await scene.http.post(HOOK, content=deep)).status_code == 401


async def test_of_what_is_too_long_for_the_bus_the_beginning_is_kept(scene: Scene) -> None:
    long = msgspec.json.encode({"update_id": 8, "message": {"chat": {"id": 42}, "text": "x" * 900_000}})
    assert (await scene.http.post(HOOK, content=long, headers=PROOF)).status_code == 200
    (event,) = scene.kafka.events
    assert (event.address, event.body) == ("", long[: 512 * 1024])
    assert len(scene.kafka.records[0].value) < 1_000_000


async def test_an_update_is_kept_as_it_came_in_the_order_of_its_address(scene: Scene) -> None:
    body = msgspec.json.encode(HELLO)
    answer = await scene.http.post(HOOK, content=body, headers=PROOF)
    assert (answer.status_code, answer.content) == (200, b"")
    (record,), (event,) = scene.kafka.records, scene.kafka.events
    assert (record.topic, record.key) == (INBOUND_EVENTS, "telegram/main/42")
    assert (event.channel, event.account, event.address) == ("telegram", "main", "42")
    assert (event.provider_id, event.body) == ("700000001:7", body)
    assert dict(record.headers)["ce_id"] == b"telegram/main/700000001:7"


@pytest.mark.parametrize("proof", [{}, {**PROOF, "X-Telegram-Bot-Api-Secret-Token": "another"}])
async def test_what_proves_nothing_is_refused_and_leaves_nothing_behind(scene: Scene, proof: dict[str, str]) -> None:
    answer = await scene.http.post(HOOK, json=HELLO, headers=proof)
    assert (answer.status_code, answer.json()["code"]) == (401, "forged")
    assert SECRET not in answer.text
    assert scene.kafka.records == []
    assert (await scene.http.post(HOOK, json=HELLO, headers=PROOF)).status_code == 200


async def test_nothing_is_answered_200_that_kafka_has_not_taken(scene: Scene) -> None:
    scene.kafka.is_away = True
    answer = await scene.http.post(HOOK, json=HELLO, headers=PROOF)
    assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")
    assert answer.headers["retry-after"]
    scene.kafka.is_away = False
    assert (await scene.http.post(HOOK, json=HELLO, headers=PROOF)).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"update_id": "x"}', b"\xff\xfe", b'{"message": {}}'])
async def test_what_cannot_be_read_is_kept_too_so_that_it_does_not_come_again(scene: Scene, body: bytes) -> None:
    for _ in range(2):
        assert (await scene.http.post(HOOK, content=body, headers=PROOF)).status_code == 200
    first, again = scene.kafka.events
    assert (first.body, first.address) == (body, "")
    assert first.provider_id == again.provider_id


@pytest.mark.parametrize("path", ["/v1/channels/telegram/other/webhook", "/v1/channels/whatsapp/main/webhook"])
async def test_an_account_that_is_not_configured_is_not_there(scene: Scene, path: str) -> None:
    answer = await scene.http.post(path, json=HELLO, headers=PROOF)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert scene.kafka.records == []


async def test_a_body_is_bounded(scene: Scene) -> None:
    answer = await scene.http.post(HOOK, content=b" " * 3_400_000, headers=PROOF)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert scene.kafka.records == []


async def test_a_platform_that_knows_no_handshake_proves_nothing_by_get(scene: Scene) -> None:
    assert (await scene.http.get(HOOK)).status_code == 401
    assert (await scene.http.get(HOOK, headers=PROOF)).status_code == 401
    assert scene.kafka.records == []


async def test_a_platform_that_asks_whether_the_webhook_is_ours_hears_its_own_words_as_plain_text(scene: Scene) -> None:
    answer = await scene.http.get(ASKING, params=ASKED)
    assert (answer.status_code, answer.text) == (200, "<b>1158201444</b>")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("change", [{"hub.verify_token": "another"}, {"hub.mode": "ping"}, {"hub.challenge": ""}])
async def test_whoever_asks_without_our_token_hears_nothing(scene: Scene, change: dict[str, str]) -> None:
    answer = await scene.http.get(ASKING, params={**ASKED, **change})
    assert (answer.status_code, answer.json()["code"]) == (401, "forged")
    assert "1158201444" not in answer.text
    assert SECRET not in answer.text
    assert (await scene.http.get(ASKING, params=ASKED)).status_code == 200
