"""Webhooks of third parties, as the contract has them."""

import base64
import hashlib
import hmac
from typing import Any

import httpx
import pytest

from libs.common.tests.endpoint import Endpoint, endpoint
from tests.contract.conftest import Caller
from tests.contract.test_everywhere import NOBODYS_ID, TIME, is_problem, pointers

OF_MESSAGES = {f"message.{word}" for word in ("sent", "delivered", "read", "failed", "received")}
NOWHERE = "http://127.0.0.1:9/hooks"

CALLS = [
    ("POST", "/v1/webhooks"),
    ("GET", "/v1/webhooks"),
    ("GET", f"/v1/webhooks/{NOBODYS_ID}"),
    ("PATCH", f"/v1/webhooks/{NOBODYS_ID}"),
    ("DELETE", f"/v1/webhooks/{NOBODYS_ID}"),
    ("POST", f"/v1/webhooks/{NOBODYS_ID}/test"),
    ("POST", f"/v1/webhooks/{NOBODYS_ID}/rotate"),
    ("GET", f"/v1/webhooks/{NOBODYS_ID}/deliveries"),
    ("POST", f"/v1/webhooks/{NOBODYS_ID}/deliveries/{NOBODYS_ID}/redeliver"),
    ("POST", f"/v1/webhooks/{NOBODYS_ID}/replay"),
]
RANGE = {"since": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00.000Z"}


async def registers(who: Caller, url: str = NOWHERE, **more: object) -> dict[str, Any]:
    answer = await who.post("/v1/webhooks", {"url": url, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def removes(who: Caller, webhook: dict[str, Any]) -> None:
    assert (await who.call("DELETE", f"/v1/webhooks/{webhook['webhook_id']}")).status_code == 204


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_without_a_token_there_is_nothing(anyone: httpx.AsyncClient, method: str, path: str) -> None:
    assert is_problem(await anyone.request(method, path, json={}), 401, "unauthenticated")


@pytest.mark.parametrize(("method", "path"), CALLS[2:])
async def test_anothers_webhook_is_not_there(ana: Caller, dee: Caller, method: str, path: str) -> None:
    webhook = await registers(ana)
    body = RANGE if path.endswith("replay") else {"enabled": False} if method == "PATCH" else None
    theirs = await dee.call(method, path.replace(NOBODYS_ID, webhook["webhook_id"], 1), body)
    assert is_problem(theirs, 404, "not_found")
    assert is_problem(await dee.call(method, path, body), 404, "not_found")
    assert (await ana.get(f"/v1/webhooks/{webhook['webhook_id']}")).json()["enabled"] is True
    await removes(ana, webhook)


async def test_a_webhook_from_its_making_to_its_end(ana: Caller) -> None:
    made = await registers(ana, description="mine")
    path = f"/v1/webhooks/{made['webhook_id']}"
    assert made["secret"].startswith("whsec_")
    assert {*made["events"]} == OF_MESSAGES | {"file.completed"}
    assert (made["url"], made["enabled"], made["description"]) == (NOWHERE, True, "mine")
    assert TIME.fullmatch(made["created_at"])
    shown = (await ana.get(path)).json()
    assert "secret" not in shown
    assert made["webhook_id"] in [item["webhook_id"] for item in (await ana.get("/v1/webhooks")).json()["items"]]
    changed = await ana.call("PATCH", path, {"events": ["message.read"], "enabled": False, "url": f"{NOWHERE}/2"})
    assert changed.status_code == 200
    assert {"events": ["message.read"], "enabled": False, "url": f"{NOWHERE}/2"}.items() <= changed.json().items()
    rotated = (await ana.post(f"{path}/rotate", None)).json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    await removes(ana, made)
    assert is_problem(await ana.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": 7}, "/url"),
        ({"url": "example.com"}, "/url"),
        ({"url": "http://169.254.169.254/latest"}, "/url"),
        ({"url": NOWHERE, "events": ["message.lost"]}, "/events/0"),
        ({"url": NOWHERE, "events": ["webhook.disabled"]}, "/events/0"),
        ({"url": NOWHERE, "scope": "some"}, "/scope"),
    ],
)
async def test_what_is_wrong_is_named(ana: Caller, body: dict[str, object], pointer: str) -> None:
    answer = await ana.post("/v1/webhooks", body)
    assert is_problem(answer, 422, "invalid_field")
    assert pointers(answer) == [pointer]


async def test_everybodys_events_are_for_operators(ana: Caller) -> None:
    assert is_problem(await ana.post("/v1/webhooks", {"url": NOWHERE, "scope": "all"}), 403)


async def test_an_event_is_sent_as_standard_webhooks_has_it(ana: Caller, bo: Caller) -> None:
    async with endpoint() as there:
        webhook = await registers(ana, there.url, events=["message.sent", "message.received"])
        conversation = await ana.opens(bo)
        sent = await ana.sends(conversation, "hi")
        back = await bo.sends(conversation, "hello")
        await there.until_heard(2)
        (one,) = there.of("message.sent")
        (other,) = there.of("message.received")
        data = one.event["data"]
        assert {"message_id": sent["message_id"], "conversation_id": conversation}.items() <= data.items()
        assert {"status": "SENT", "recipient": bo.name, "channel": "internal"}.items() <= data.items()
        assert data["sequence_number"] >= 1
        assert TIME.fullmatch(one.event["timestamp"])
        assert other.event["data"]["message_id"] == back["message_id"]
        assert is_signed(there, webhook["secret"])
        await removes(ana, webhook)


async def test_a_test_event_its_log_and_telling_it_again(ana: Caller) -> None:
    async with endpoint() as there:
        webhook = await registers(ana, there.url)
        path = f"/v1/webhooks/{webhook['webhook_id']}"
        assert (await ana.post(f"{path}/test", None)).status_code == 202
        await there.until_heard(1)
        (entry,) = (await ana.get(f"{path}/deliveries", limit=1)).json()["items"]
        assert entry["delivery_id"] == there.heard[0].id
        again = await ana.post(f"{path}/deliveries/{entry['delivery_id']}/redeliver", None)
        assert again.status_code == 202
        await there.until_heard(2)
        assert (await ana.post(f"{path}/replay", RANGE)).status_code == 202
        await there.until_heard(3)
        assert {one.id for one in there.heard} == {entry["delivery_id"]}
        assert is_signed(there, webhook["secret"])
        await removes(ana, webhook)


def is_signed(there: Endpoint, secret: str) -> bool:
    """By the specification's own words."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    for one in there.heard:
        content = f"{one.id}.{one.headers['webhook-timestamp']}.".encode() + one.body
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        assert f"v1,{expected}" in one.headers["webhook-signature"].split(" ")
    return True
