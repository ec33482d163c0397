"""WhatsApp: what it takes and refuses, in which words, and what its webhooks hear."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connectors.simulator.tests.hook import Hook
from connectors.simulator.tests.whatsapp import (
    HEAD,
    NUMBER,
    SECRET,
    TOKEN,
    Site,
    message,
    messages,
    running,
    statuses,
    values,
)
from connectors.simulator.whatsapp.rates import Limits, Rates

TEXT = {"body": "hi"}
BUTTONS = {
    "type": "button",
    "body": {"text": "Coming?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
}
TO = "16505550100"


@pytest.fixture(scope="session")
async def running_site() -> AsyncIterator[Site]:
    async with running() as made:
        yield made


@pytest.fixture
async def site(running_site: Site) -> Site:
    """As new."""
    await running_site.http.post(f"{running_site.url}/_sim/reset")
    return running_site


async def test_a_text_is_taken_and_its_statuses_told(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person(reads=True)
    answer = await site.call("/messages", message(ana, "text", TEXT))
    wamid = answer["messages"][0]["id"]
    assert answer["contacts"] == [{"input": ana, "wa_id": ana}]
    await hook.until(lambda: len(statuses(hook)) == 3)
    assert statuses(hook) == [(wamid, "sent"), (wamid, "delivered"), (wamid, "read")]
    ((entry),) = (await site.sim("log", "GET"))["items"]
    assert (entry["what"], entry["chat"], entry["text"]) == ("sent", ana, "hi")


async def test_each_request_is_signed_over_its_bytes(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    await site.send(await site.person())
    received = (await hook.until_received(1))[0]
    body = json.dumps(received.update, separators=(",", ":"), ensure_ascii=False).encode()
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert received.headers["x-hub-signature-256"] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], 100),
        ({**HEAD, "to": TO}, 131008),
        (message(TO, "text", TEXT) | {"messaging_product": "telegram"}, 100),
        (message(TO, "text", TEXT) | {"recipient_type": "all"}, 100),
        (message(TO, "text", TEXT) | {"to": "ana"}, 100),
        (message(TO, "text", TEXT) | {"to": 16505550100}, 100),
        (message(TO, "text", TEXT) | {"recipient": "US.1"}, 100),
        (message(TO, "text", TEXT) | {"context": {}}, 131008),
        (message(TO, "text", TEXT) | {"reply_to": "wamid.A"}, 100),
        (message(TO, "poem", TEXT), 131051),
        (message(TO, "text", {}), 131008),
        (message(TO, "text", {"body": ""}), 100),
        (message(TO, "text", {"body": "x" * 4097}), 100),
        (message(TO, "text", {"body": 7}), 100),
        (message(TO, "text", {**TEXT, "colour": "red"}), 100),
        (message(TO, "image", {}), 100),
        (message(TO, "image", {"id": "7", "link": "https://example.com/a.png"}), 100),
        (message(TO, "image", {"id": "seven"}), 100),
        (message(TO, "image", {"id": "7", "caption": "x" * 1025}), 100),
        (message(TO, "audio", {"id": "7", "caption": "no"}), 100),
        (message(TO, "document", {"id": "7", "filename": ""}), 100),
        (message(TO, "location", {"latitude": 1}), 131008),
        (message(TO, "location", {"latitude": 91, "longitude": 0}), 100),
        (message(TO, "location", {"latitude": "1", "longitude": 0}), 100),
        (message(TO, "reaction", {"emoji": "👍"}), 131008),
        (message(TO, "interactive", {**BUTTONS, "action": {"buttons": []}}), 100),
        (message(TO, "interactive", {"type": "button", "action": BUTTONS["action"]}), 131008),
        (message(TO, "template", {"name": "hello_world"}), 131008),
        ({"messaging_product": "whatsapp", "status": "seen", "message_id": "wamid.A"}, 100),
        ({"messaging_product": "whatsapp", "status": "read"}, 131008),
    ],
)
async def test_a_request_that_breaks_a_rule_is_refused_and_leaves_no_trace(site: Site, body: Any, code: int) -> None:
    await site.person()
    assert await site.error(body) == code
    assert (await site.sim("log", "GET"))["items"] == []


async def test_whoever_is_not_known_may_do_nothing(site: Site) -> None:
    body = message(await site.person(), "text", TEXT)
    assert await site.error(body, token="another") == 190
    assert await site.error(body, node="1") == 100
    nobody = await site.http.post(f"{site.url}/whatsapp/v25.0/{NUMBER}/messages", json=body)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, 104)
    assert (await site.get(NUMBER)).json() == {
        "id": NUMBER,
        "display_phone_number": "15550783881",
        "verified_name": "Lucky Shrub",
    }


async def test_a_webhook_that_does_not_know_the_token_is_not_taken(site: Site, hook: Hook) -> None:
    wrong = {"override_callback_uri": hook.url, "verify_token": "another"}
    assert await site.error({"webhook_configuration": wrong}, "") == 2200
    assert (await site.sim("accounts", "GET"))["items"][0]["webhook"] == ""
    await site.is_heard_by(hook)
    await site.call("", {"webhook_configuration": {"override_callback_uri": ""}})
    assert (await site.sim("accounts", "GET"))["items"][0]["webhook"] == ""


async def test_a_closed_window_is_told_by_a_status_or_at_once_and_opens_when_they_write(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    await site.sim(f"people/{ana}/wait", hours=24)
    wamid = await site.send(ana)
    await hook.until(lambda: statuses(hook) == [(wamid, "failed")])
    (failed,) = values(hook)[0]["statuses"]
    assert failed["errors"][0]["code"] == 131047
    await site.sim("limits", "PUT", window_by="answer")
    assert await site.error(message(ana, "text", TEXT)) == 131047
    await site.call("/messages", message(ana, "template", {"name": "hello_world", "language": {"code": "en_US"}}))
    await site.sim(f"people/{ana}/say", text="hi")
    await site.send(ana)


async def test_who_has_never_written_can_be_reached_by_templates_alone(site: Site) -> None:
    ana = await site.person(started=False)
    await site.sim("limits", "PUT", window_by="answer")
    assert await site.error(message(ana, "text", TEXT)) == 131047


async def test_too_much_to_one_person_and_too_much_in_all(site: Site) -> None:
    ana, bo = await site.person("ana"), await site.person("bo")
    await site.sim("limits", "PUT", pair_burst=1, pair_s=3600)
    await site.send(ana)
    assert await site.error(message(ana, "text", TEXT)) == 131056
    await site.send(bo)
    await site.sim("limits", "PUT", number=0.01)
    await site.send(bo)
    assert await site.error(message(ana, "text", TEXT)) == 130429


def test_the_limits_are_those_of_the_registry_and_give_way_with_time() -> None:
    limits = Limits(Rates(number=2, pair_s=6, pair_burst=2))
    assert [limits.take("we", "ana", 0), limits.take("we", "ana", 0)] == [None, None]
    assert [limits.take("we", "ana", 0), limits.take("we", "bo", 0)] == ["pair", "throughput"]
    assert [limits.take("we", "bo", 1), limits.take("we", "ana", 6)] == [None, None]
    assert limits.take("we", "ana", 6) == "pair"


async def test_somebody_with_a_username_is_known_by_a_user_id_alone(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    pablo = await site.person("Pablo", username="pablo.m")
    assert pablo.startswith("US.")
    answer = await site.call("/messages", message(pablo, "text", TEXT))
    assert answer["contacts"] == [{"input": pablo, "user_id": pablo}]
    await site.sim("people/Pablo/say", text="hola")
    await hook.until(lambda: messages(hook))
    (said,) = messages(hook)
    assert (said["from_user_id"], "from" in said) == (pablo, False)
    assert next(v["contacts"] for v in values(hook) if "contacts" in v) == [
        {"profile": {"name": "Pablo", "username": "pablo.m"}, "user_id": pablo}
    ]
    assert {s["recipient_user_id"] for v in values(hook) for s in v.get("statuses", ())} == {pablo}
    assert await site.error(message("US.1", "text", TEXT)) == 131026


async def test_a_number_that_nobody_has_is_told_by_a_status(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    wamid = await site.send("4366012345678")
    await hook.until(lambda: statuses(hook) == [(wamid, "failed")])
    assert values(hook)[0]["statuses"][0]["errors"][0]["code"] == 131026
    assert await site.error(message("15550783881", "text", TEXT)) == 131021


async def test_messages_and_statuses_come_in_one_request(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana, bo = await site.person("ana"), await site.person("bo")
    await site.sim("faults", kind="batch", seconds=0.5)
    await site.send(ana)
    await site.sim(f"people/{bo}/say", text="hello")
    await hook.until(lambda: len(statuses(hook)) == 2 and len(messages(hook)) == 1)
    mixed = [value for value in values(hook) if {"messages", "statuses"} <= set(value)]
    assert mixed or len(hook.received) > 1


async def test_what_is_not_taken_comes_again_and_doubled_things_twice(site: Site, hook: Hook) -> None:
    hook.answers = []
    await site.is_heard_by(hook)
    ana = await site.person()
    await site.sim("faults", kind="double", times=1)
    await site.sim(f"people/{ana}/say", text="twice")
    await hook.until(lambda: len(messages(hook)) == 2)
    assert messages(hook)[0] == messages(hook)[1]


async def test_a_phone_that_is_off_gets_it_later_and_read_may_come_without_delivered(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    await site.sim(f"people/{ana}/online", online=False)
    first = await site.send(ana)
    await hook.until(lambda: statuses(hook) == [(first, "sent")])
    await site.sim(f"people/{ana}/read")
    await hook.until(lambda: statuses(hook)[-1] == (first, "read"))
    second = await site.send(ana)
    await site.sim(f"people/{ana}/online", online=True)
    await hook.until(lambda: statuses(hook)[-1] == (second, "delivered"))


async def test_media_goes_by_its_id_and_comes_with_the_token(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    media = (await site.upload("a.png", "image/png", b"bytes")).json()["id"]
    await site.call("/messages", message(ana, "image", {"id": media, "caption": "Look"}))
    entry = (await site.sim("log", "GET"))["items"][-1]
    assert (entry["text"], entry["size"], entry["sha256"]) == ("Look", 5, hashlib.sha256(b"bytes").hexdigest())
    url = f"{site.url}/_sim/whatsapp/people/{ana}/file"
    await site.http.post(
        url, content=b"a bill", params={"filename": "b.pdf"}, headers={"content-type": "application/pdf"}
    )
    await hook.until(lambda: messages(hook))
    told = (await site.get(messages(hook)[0]["document"]["id"])).json()
    assert (told["mime_type"], told["file_size"]) == ("application/pdf", 6)
    assert (await site.http.get(told["url"])).status_code == 401
    found = await site.http.get(told["url"], headers={"authorization": f"Bearer {TOKEN}"})
    assert found.content == b"a bill"


@pytest.mark.parametrize(
    ("filename", "content_type", "size", "more"),
    [
        ("a.zip", "application/zip", 5, {}),
        ("a.png", "image/png", 0, {}),
        ("a.png", "image/png", 5_000_001, {}),
        ("a.png", "image/png", 5, {"messaging_product": "telegram"}),
        ("a.png", "image/png", 5, {"type": "image/gif"}),
    ],
)
async def test_an_upload_that_breaks_a_rule_is_refused(
    site: Site, filename: str, content_type: str, size: int, more: dict[str, str]
) -> None:
    answer = await site.upload(filename, content_type, bytes(size), **more)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


async def test_media_of_nobody_is_refused(site: Site) -> None:
    ana = await site.person()
    assert await site.error(message(ana, "image", {"id": "7"})) == 131053
    assert (await site.get("7")).status_code == 400


async def test_a_button_is_pressed_a_message_answered_and_reacted_to(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    wamid = (await site.call("/messages", message(ana, "interactive", BUTTONS)))["messages"][0]["id"]
    await site.sim(f"people/{ana}/press", button="Yes")
    await site.sim(f"people/{ana}/say", text="On my way", reply_to="last")
    await site.sim(f"people/{ana}/react", emoji="👍")
    await hook.until(lambda: len(messages(hook)) == 3)
    pressed, answered, reacted = messages(hook)
    assert pressed["interactive"]["button_reply"] == {"id": "y", "title": "Yes"}
    assert {pressed["context"]["id"], answered["context"]["id"], reacted["reaction"]["message_id"]} == {wamid}


async def test_a_number_that_changes_is_told_and_reached_under_the_new_one(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    await site.sim(f"people/{ana}/number", number="12195555358")
    await hook.until(lambda: messages(hook))
    assert messages(hook)[0]["system"]["wa_id"] == "12195555358"
    wamid = await site.send("12195555358")
    await hook.until(lambda: (wamid, "delivered") in statuses(hook))


@pytest.mark.parametrize("kind", ["reset", "error", "lost"])
async def test_outages_are_of_one_chat_or_of_all(site: Site, kind: str) -> None:
    ana, bo = await site.person("ana"), await site.person("bo")
    await site.sim("faults", kind=kind, chat=ana, times=1)
    await site.send(bo)
    try:
        status = (await site.answer("/messages", message(ana, "text", TEXT))).status_code
    except httpx.TransportError:
        status = 0
    assert status == (502 if kind == "error" else 0)
    await site.send(ana)


async def test_floods_are_of_a_pair_or_of_the_number(site: Site) -> None:
    ana, bo = await site.person("ana"), await site.person("bo")
    await site.sim("faults", kind="flood", chat=ana, times=1)
    assert await site.error(message(ana, "text", TEXT)) == 131056
    await site.sim("faults", kind="flood", times=1)
    assert await site.error(message(bo, "text", TEXT)) == 130429
    await site.send(ana)


async def test_any_change_can_be_told_as_it_never_would_be(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    await site.sim("updates", change={"field": "messages", "value": 7})
    await hook.until_received(1)
    assert hook.received[0].update["entry"][0]["changes"] == [{"field": "messages", "value": 7}]
