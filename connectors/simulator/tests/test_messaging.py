"""Messenger and Instagram: what they take and refuse, in which words, and what their webhooks hear."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connectors.simulator.messaging.rates import Limits, Rates
from connectors.simulator.tests.hook import Hook
from connectors.simulator.tests.messaging import (
    ACCOUNT,
    APP,
    SECRET,
    Json,
    Platform,
    Site,
    events,
    message,
    running,
)

BOTH: tuple[Platform, ...] = ("messenger", "instagram")
SEEN = {"messenger": "read", "instagram": "messaging_seen"}


@pytest.fixture(scope="session")
async def running_sites() -> AsyncIterator[dict[Platform, Site]]:
    async with running() as made:
        yield made


@pytest.fixture(params=BOTH)
async def site(running_sites: dict[Platform, Site], request: pytest.FixtureRequest) -> Site:
    """Each of the two, as new."""
    found = running_sites[request.param]
    await found.http.post(f"{found.url}/_sim/reset")
    return found


@pytest.fixture
async def messenger(running_sites: dict[Platform, Site]) -> Site:
    await running_sites["messenger"].http.post(f"{running_sites['messenger'].url}/_sim/reset")
    return running_sites["messenger"]


@pytest.fixture
async def instagram(running_sites: dict[Platform, Site]) -> Site:
    await running_sites["instagram"].http.post(f"{running_sites['instagram'].url}/_sim/reset")
    return running_sites["instagram"]


REPLY: Json = {"content_type": "text", "title": "Yes", "payload": "y"}


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": {}},
        {"recipient": {"id": "ana"}},
        {"recipient": {"id": 7_000_000_000_000_001}},
        {"recipient": {"id": "7000000000000001", "name": "Ana"}},
        {"messaging_type": "ANSWER"},
        {"messaging_type": "MESSAGE_TAG"},
        {"tag": "HUMAN_AGENT"},
        {"message": {}},
        {"message": {"text": ""}},
        {"message": {"text": "x" * 2001}},
        {"message": {"text": "hi", "sticker": 1}},
        {"message": {"text": "hi", "quick_replies": []}},
        {"message": {"text": "hi", "quick_replies": [REPLY] * 14}},
        {"message": {"text": "hi", "quick_replies": [REPLY | {"title": "t" * 21}]}},
        {"message": {"attachment": {"type": "sticker", "payload": {"attachment_id": "5"}}}},
        {"message": {"attachment": {"type": "image", "payload": {}}}},
        {"message": {"attachment": {"type": "image", "payload": {"url": "ftp://a"}}}},
        {"reply_to": {}},
        {"sender_action": "typing_on"},
        {"dance": True},
    ],
    ids=str,
)
async def test_a_request_that_breaks_a_rule_is_refused(site: Site, change: Json) -> None:
    ana = await site.person()
    body = message(ana, {"text": "hi"}) | change
    assert await site.error("messages", body) == (100, 0)
    assert (await site.sim("log", "GET"))["items"] == []


async def test_what_is_no_json_and_what_is_not_there_is_refused(site: Site) -> None:
    base = f"{site.url}/{site.name}/v25.0"
    token = {"authorization": "Bearer EAAtoken"}
    assert (await site.http.post(f"{base}/{ACCOUNT}/messages", content=b"{", headers=token)).status_code == 400
    assert await site.error("dances", {}) == (100, 0)
    assert await site.error("messages", {}, node="9999999999") == (100, 33)
    assert await site.error("messages", {}, token="another") == (190, 0)
    assert (await site.http.post(f"{base}/{ACCOUNT}/messages", json={})).json()["error"]["code"] == 104
    strange = await site.http.get(f"{site.url}/{site.name}/latest/me", headers=token)
    assert strange.json()["error"]["code"] == 2500
    assert (await site.http.get(f"{base}/me", headers=token)).json() == {"id": ACCOUNT, "name": "Blue Shop"}


async def test_messages_arrive_with_what_they_answer(site: Site) -> None:
    ana = await site.person()
    first = await site.send(ana, "Coffee?")
    await site.send(ana, "Or tea?", reply_to={"mid": first})
    found = (await site.sim("log", "GET"))["items"]
    assert [(e["what"], e["text"], e.get("reply_to")) for e in found] == [
        ("sent", "Coffee?", None),
        ("sent", "Or tea?", first),
    ]


async def test_the_window_is_open_for_a_day_and_for_people_for_a_week(site: Site) -> None:
    ana, closed = await site.person(), {"messenger": 2018278, "instagram": 2534022}[site.name]
    body, tagged = (
        message(ana, {"text": "hi"}),
        message(ana, {"text": "hi"}, messaging_type="MESSAGE_TAG", tag="HUMAN_AGENT"),
    )
    for hours, taken, taken_of_people in ((23.9, True, True), (24.1, False, True), (168.1, False, False)):
        await site.sim("people/ana/wait", hours=hours)
        assert ((await site.answer("messages", body)).status_code == 200) is taken
        assert ((await site.answer("messages", tagged)).status_code == 200) is taken_of_people
    assert await site.error("messages", body) == (10, closed)
    await site.sim("people/ana/say", text="Still there?")
    await site.send(ana)


async def test_who_never_wrote_or_is_not_there_or_shut_us_out_gets_nothing(site: Site) -> None:
    closed, nobody = {"messenger": (2018278, 2018001), "instagram": (2534022, 2534014)}[site.name]
    bo = await site.person("bo", started=False)
    assert await site.error("messages", message(bo, {"text": "hi"})) == (10, closed)
    assert await site.error("messages", message("5555555555", {"text": "hi"})) == (100, nobody)
    ana = await site.person()
    await site.sim("people/ana/block")
    assert await site.error("messages", message(ana, {"text": "hi"})) == (551, 1545041)
    await site.sim("people/ana/unblock")
    await site.send(ana)
    await site.sim("faults", kind="blocked", chat=ana, times=1)
    assert await site.error("messages", message(ana, {"text": "hi"})) == (551, 1545041)


async def test_a_file_is_brought_and_then_shown(site: Site) -> None:
    ana = await site.person()
    brought = (await site.upload("cat.png", "image/png", b"bytes")).json()["attachment_id"]
    shown = {"attachment": {"type": "image", "payload": {"attachment_id": brought}}}
    await site.call("messages", message(ana, shown))
    (entry,) = (await site.sim("log", "GET"))["items"]
    assert (entry["kind"], entry["size"], entry["text"]) == ("image", 5, "cat.png")
    assert entry["sha256"] == hashlib.sha256(b"bytes").hexdigest()
    another = {"attachment": {"type": "video", "payload": {"attachment_id": brought}}}
    assert await site.error("messages", message(ana, another)) == (100, 2018047)


async def test_a_file_that_is_too_large_or_of_another_type_is_refused(site: Site) -> None:
    async def subcode(name: str, content_type: str, content: bytes, kind: str = "image") -> int:
        return int((await site.upload(name, content_type, content, kind)).json()["error"]["error_subcode"])

    assert await subcode("cat.png", "image/png", b"x" * 8_000_001) == 2018109
    assert await subcode("cat.webp", "image/webp", b"bytes") == 2018047
    pdf = await site.upload("a.pdf", "application/pdf", b"bytes", "file")
    assert pdf.status_code == 200
    if site.name == "instagram":
        assert await subcode("a.txt", "text/plain", b"bytes", "file") == 2018047
        assert await subcode("č.pdf", "application/pdf", b"bytes", "file") == 2018047


async def test_hints_say_nothing(site: Site) -> None:
    ana = await site.person()
    assert await site.call("messages", {"recipient": {"id": ana}, "sender_action": "typing_on"}) == {
        "recipient_id": ana
    }
    assert (await site.sim("log", "GET"))["items"] == []


async def test_webhooks_are_signed_and_told_what_they_subscribed(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    said = await site.sim("people/ana/say", text="Hello!")
    (received,) = await hook.until_received(1)
    body = json.dumps(received.update, separators=(",", ":"), ensure_ascii=False).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert received.headers["x-hub-signature-256"] == f"sha256={signature}"
    assert received.update["object"] == {"messenger": "page", "instagram": "instagram"}[site.name]
    (entry,) = received.update["entry"]
    assert (entry["id"], entry["messaging"][0]["sender"], entry["messaging"][0]["recipient"]) == (
        ACCOUNT,
        {"id": ana},
        {"id": ACCOUNT},
    )
    assert events(hook) == [{"message": {"mid": said["message_id"], "text": "Hello!"}}]


async def test_a_webhook_must_answer_the_handshake(site: Site, hook: Hook) -> None:
    of = "page" if site.name == "messenger" else "instagram"
    subscription = {"object": of, "callback_url": hook.url, "verify_token": "guessed", "fields": ["messages"]}
    token = f"{APP}|{SECRET}"
    assert await site.error("subscriptions", subscription, token=token, node=APP) == (2200, 0)
    assert await site.error("subscriptions", subscription, token=token, node="5555555555") == (100, 33)
    assert await site.error("subscriptions", subscription, token=f"{APP}|x", node=APP) == (190, 0)


async def test_what_was_not_subscribed_is_not_told(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook, "message_reactions")
    ana = await site.person()
    mid = await site.send(ana)
    assert (await site.sim("people/ana/say", text="Hello!")).get("updates", []) == []
    assert (await site.sim("people/ana/react", emoji="❤️"))["updates"] == ["reaction"]
    await hook.until_received(1)
    assert events(hook) == [{"reaction": {"mid": mid, "action": "react", "reaction": "love", "emoji": "❤️"}}]


async def test_the_app_gives_its_webhook_up(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    await site.person()
    url = f"{site.url}/{site.name}/v25.0/me/subscribed_apps"
    assert (await site.http.delete(url, headers={"authorization": "Bearer EAAtoken"})).json() == {"success": True}
    assert (await site.sim("people/ana/say", text="Hello!")).get("updates", []) == []


async def test_an_echo_is_told_of_what_we_sent(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook, "messages", *(["message_echoes"] if site.name == "messenger" else []))
    ana = await site.person()
    mid = await site.send(ana, "Coffee?")
    await hook.until_received(1)
    assert events(hook) == [{"message": {"mid": mid, "text": "Coffee?", "is_echo": True, "app_id": int(APP)}}]
    event = hook.received[0].update["entry"][0]["messaging"][0]
    assert (event["sender"]["id"], event["recipient"]["id"]) == (ACCOUNT, ana)


async def test_messenger_tells_of_delivery_and_reading_as_times(messenger: Site, hook: Hook) -> None:
    await messenger.is_heard_by(hook, "message_deliveries", "message_reads")
    ana = await messenger.person()
    await messenger.sim("people/ana/online", online=False)
    first, last = await messenger.send(ana, "one"), await messenger.send(ana, "two")
    times = {m["mid"]: m["at"] for m in (await messenger.sim(f"chats/{ana}/messages", "GET"))["items"]}
    await messenger.sim("people/ana/deliver")
    third = await messenger.send(ana, "three")
    await messenger.sim("people/ana/deliver", with_mids=False)
    await messenger.sim("people/ana/read")
    await hook.until(lambda: len(events(hook)) == 3)
    delivered, without, read = events(hook)
    assert delivered == {"delivery": {"mids": [first, last], "watermark": times[last]}}
    assert without["delivery"].keys() == {"watermark"}
    assert read == {"read": {"watermark": without["delivery"]["watermark"]}}
    assert times[first] < times[last] < read["read"]["watermark"]
    assert third


async def test_instagram_tells_of_reading_a_message_and_of_no_delivery(instagram: Site, hook: Hook) -> None:
    await instagram.is_heard_by(hook, "messaging_seen")
    ana = await instagram.person()
    mid = await instagram.send(ana)
    assert (await instagram.sim("people/ana/read"))["updates"] == ["read"]
    await hook.until_received(1)
    assert events(hook) == [{"messaging_seen": {"mid": mid}}]


async def test_people_edit_take_back_react_and_press(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook, "messages", "messaging_postbacks", "message_reactions")
    ana = await site.person()
    buttons = [REPLY, REPLY | {"title": "No", "payload": "n"}]
    await site.call("messages", message(ana, {"text": "Coffee?", "quick_replies": buttons}))
    yes = (await site.sim("people/ana/press", button="No"))["message_id"]
    go = (await site.sim("people/ana/press", button="Get started"))["message_id"]
    await site.sim("people/ana/unsend", message_id=yes)
    echoes = 1 if site.name == "instagram" else 0
    await hook.until(lambda: len(events(hook)) == 3 + echoes)
    assert events(hook)[echoes:] == [
        {"message": {"mid": yes, "text": "No", "quick_reply": {"payload": "n"}}},
        {"postback": {"mid": go, "title": "Get started", "payload": "Get started"}},
        {"message": {"mid": yes, "is_deleted": True}},
    ]
    kept = {m["mid"]: m for m in (await site.sim(f"chats/{ana}/messages", "GET"))["items"]}
    assert (kept[yes]["is_unsent"], kept[yes]["text"]) == (True, None)


async def test_an_edited_text_is_told_five_times(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook, "message_edits" if site.name == "messenger" else "message_edit")
    await site.person()
    mid = (await site.sim("people/ana/say", text="helo"))["message_id"]
    for n in range(1, 6):
        await site.sim("people/ana/edit", text=f"hello {n}")
    await hook.until(lambda: len(events(hook)) == 5)
    assert events(hook)[-1] == {"message_edit": {"mid": mid, "text": "hello 5", "num_edit": 5}}
    again = await site.http.post(f"{site.url}/_sim/{site.name}/people/ana/edit", json={"text": "hello 6"})
    assert again.status_code == 409


async def test_a_file_of_a_person_stands_at_a_url(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook, "messages")
    await site.person()
    url = f"{site.url}/_sim/{site.name}/people/ana/file?filename=cat.png&kind=image&caption=Look"
    assert (await site.http.post(url, content=b"bytes", headers={"content-type": "image/png"})).is_success
    await hook.until_received(1)
    (told,) = events(hook)
    assert told["message"]["text"] == "Look"
    (attachment,) = told["message"]["attachments"]
    assert attachment["payload"]["url"].startswith(f"{site.url}/{site.name}/files/")
    found = await site.http.get(attachment["payload"]["url"])
    assert (found.content, found.headers["content-type"]) == (b"bytes", "image/png")
    assert (await site.http.get(f"{site.url}/{site.name}/files/documents/none")).status_code == 403


async def test_events_come_twice_late_and_together_when_told_to(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook, "messages")
    await site.person()
    await site.sim("faults", kind="double", times=1)
    await site.sim("people/ana/say", text="one")
    await hook.until(lambda: len(events(hook)) == 2)
    assert events(hook)[0] == events(hook)[1]
    await site.sim("updates", event={"strange": True})
    await hook.until(lambda: len(events(hook)) == 3)
    assert events(hook)[2] == {"strange": True}


async def test_the_records_tell_what_the_webhook_has_taken(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    said = await site.sim(f"people/{ana}/say", text="hi")
    await hook.until_received(1)
    async with asyncio.timeout(60):
        while not (page := await site.sim("told", "GET"))["items"]:
            await asyncio.sleep(0.01)
    (told,) = page["items"]
    assert (told["chat"], told["event"]["message"]["mid"]) == (ana, said["message_id"])


async def test_calls_suffer_what_they_are_told_to(site: Site) -> None:
    ana = await site.person()
    body = message(ana, {"text": "hi"})
    await site.sim("faults", kind="flood", seconds=7, times=1, chat=ana)
    flooded = await site.answer("messages", body)
    assert (flooded.json()["error"]["code"], flooded.headers["retry-after"]) == (613, "7")
    await site.sim("faults", kind="error", status=502, times=1)
    assert (await site.answer("messages", body)).status_code == 502
    await site.sim("faults", kind="lost", times=1)
    with pytest.raises(httpx.TransportError):
        await site.answer("messages", body)
    assert [e["text"] for e in (await site.sim("log", "GET"))["items"]] == ["hi"]
    assert (await site.sim("counts", "GET"))["calls"] == {"messages 613": 1, "messages 200": 1}


async def test_files_have_a_rate_of_their_own(site: Site) -> None:
    ana = await site.person()
    await site.sim("limits", "PUT", text=100, media=0.001)
    brought = (await site.upload("cat.png", "image/png", b"bytes")).json()["attachment_id"]
    shown = {"attachment": {"type": "image", "payload": {"attachment_id": brought}}}
    await site.call("messages", message(ana, shown))
    assert await site.error("messages", message(ana, shown)) == (613, 0)
    await site.send(ana)
    await site.sim("limits", "PUT", enabled=False)
    await site.call("messages", message(ana, shown))


def test_a_second_is_the_most_that_goes_at_once() -> None:
    limits = Limits(Rates(text=300, media=10))
    taken = [limits.take("1", "text", 1_000.0) for _ in range(400)]
    assert taken.count(True) == 300
    assert all(taken[:300])
    assert limits.take("1", "text", 1_000.004)
    assert limits.take("2", "text", 1_000.0)
    assert limits.take("1", "media", 1_000.0)


async def test_a_reset_may_keep_accounts_with_their_webhooks(site: Site, hook: Hook) -> None:
    await site.is_heard_by(hook)
    ana = await site.person()
    await site.http.post(f"{site.url}/_sim/reset?keep_bots=true")
    (kept,) = (await site.sim("accounts", "GET"))["items"]
    assert (kept["webhook"], (await site.sim("people", "GET"))["items"]) == (hook.url, [])
    assert await site.person() != ana
    await site.http.post(f"{site.url}/_sim/reset")
    (made,) = (await site.sim("accounts", "GET"))["items"]
    assert made["webhook"] == ""


async def test_an_account_may_come_later(site: Site) -> None:
    await site.person()
    account: dict[str, Any] = {"id": "9876543210", "token": "EAAother", "app_id": "3344556677", "app_secret": "s"}
    await site.sim("accounts", **account)
    ambiguous = await site.http.post(f"{site.url}/_sim/{site.name}/people/ana/say", json={"text": "hi"})
    assert ambiguous.status_code == 409
    assert (await site.sim("people/ana/say", text="hi", bot="9876543210"))["chat"]
