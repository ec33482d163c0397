"""What a bot does over HTTP: it sends, changes, takes back, asks for files and for updates."""

import asyncio
import hashlib
from typing import Any

import pytest

from connectors.formats.telegram import check_answer
from connectors.simulator.tests.scene import OTHER, TOKEN, Platform


async def test_every_answer_has_the_form_that_is_published(platform: Platform) -> None:
    ana = await platform.person("ana")
    said = await platform.say("ana", "hi")
    sent = await platform.call(
        "sendMessage", chat_id=ana, text="ho", reply_parameters={"message_id": said["message_id"]}
    )
    here = {"chat_id": ana, "message_id": sent["message_id"]}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("getMe", {}),
        ("sendMessage", {"chat_id": str(ana), "text": "ho"}),
        ("sendLocation", {"chat_id": ana, "latitude": 38.7, "longitude": -9.1}),
        ("editMessageText", {**here, "text": "hoho"}),
        ("setMessageReaction", {**here, "reaction": [{"type": "emoji", "emoji": "👍"}]}),
        ("sendChatAction", {"chat_id": ana, "action": "typing"}),
        ("deleteMessage", here),
        ("getUpdates", {}),
        ("setWebhook", {"url": "http://127.0.0.1:9/", "max_connections": 2, "allowed_updates": ["message"]}),
        ("getWebhookInfo", {}),
        ("deleteWebhook", {}),
    ]
    for method, parameters in calls:
        assert check_answer(method, await platform.call(method, **parameters)) == [], method


@pytest.mark.parametrize("spelling", ["sendMessage", "sendmessage", "SENDMESSAGE"])
async def test_a_call_may_be_a_query_a_form_or_json(platform: Platform, spelling: str) -> None:
    ana = await platform.person("ana")
    url, parameters = f"{platform.url}/bot{TOKEN}/{spelling}", {"chat_id": str(ana), "text": "hi"}
    answers = [
        await platform.http.get(url, params=parameters),
        await platform.http.post(url, data=parameters),
        await platform.http.post(url, json={**parameters, "chat_id": ana}),
        await platform.http.post(url, files={name: (None, value) for name, value in parameters.items()}),
    ]
    assert [answer.json()["result"]["text"] for answer in answers] == ["hi"] * 4


async def test_message_ids_rise_over_all_private_chats_of_a_bot(platform: Platform) -> None:
    ana, bo = await platform.person("ana"), await platform.person("bo")
    sent = [(await platform.call("sendMessage", chat_id=chat, text="hi"))["message_id"] for chat in (ana, bo, ana)]
    assert sent == [sent[0], sent[0] + 1, sent[0] + 2]


async def test_a_reply_shows_what_it_replies_to(platform: Platform) -> None:
    ana = await platform.person("ana")
    said = await platform.say("ana", "hi")
    reply = {"message_id": said["message_id"]}
    sent = await platform.call("sendMessage", chat_id=ana, text="ho", reply_parameters=reply)
    assert sent["reply_to_message"]["text"] == "hi"
    gone = {"message_id": 1, "allow_sending_without_reply": True}
    assert "reply_to_message" not in await platform.call("sendMessage", chat_id=ana, text="ho", reply_parameters=gone)


async def test_only_own_texts_are_edited_and_only_to_something_else(platform: Platform) -> None:
    ana = await platform.person("ana")
    said = await platform.say("ana", "hi")
    sent = await platform.call("sendMessage", chat_id=ana, text="ho")
    edited = await platform.call("editMessageText", chat_id=ana, message_id=sent["message_id"], text="hoho")
    assert (edited["text"], "edit_date" in edited) == ("hoho", True)
    same = await platform.refused("editMessageText", chat_id=ana, message_id=sent["message_id"], text="hoho")
    assert same.startswith("400 Bad Request: message is not modified: specified new message content")
    others = await platform.refused("editMessageText", chat_id=ana, message_id=said["message_id"], text="x")
    assert others == "400 Bad Request: message can't be edited"


async def test_a_file_is_streamed_in_and_its_hash_is_on_record(platform: Platform) -> None:
    ana = await platform.person("ana")
    content = b"parley" * 200_000
    parts = {"document": ("übung.pdf", content, "application/pdf")}
    url = f"{platform.url}/bot{TOKEN}/sendDocument"
    answer = await platform.http.post(url, data={"chat_id": str(ana), "caption": "read"}, files=parts)
    document = answer.json()["result"]["document"]
    assert (document["file_name"], document["mime_type"]) == ("übung.pdf", "application/pdf")
    assert check_answer("sendDocument", answer.json()["result"]) == []
    entry = (await platform.accepted())[-1]
    assert (entry["size"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    again = await platform.call("sendDocument", chat_id=ana, document=document["file_id"])
    assert again["document"] == document


async def test_a_file_may_be_attached_under_another_name(platform: Platform) -> None:
    ana = await platform.person("ana")
    fields = {"chat_id": str(ana), "photo": "attach://one"}
    url = f"{platform.url}/bot{TOKEN}/sendPhoto"
    answer = await platform.http.post(url, data=fields, files={"one": ("a.png", b"png", "image/png")})
    assert answer.json()["result"]["photo"][0]["file_size"] == 3


@pytest.mark.parametrize(
    ("method", "field", "size", "words"),
    [
        ("sendDocument", "document", 0, "400 Bad Request: file must be non-empty"),
        ("sendDocument", "document", 50 * 2**20 + 1, "413 Request Entity Too Large"),
        (
            "sendPhoto",
            "photo",
            10 * 2**20 + 1,
            "400 Bad Request: file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes",
        ),
    ],
)
async def test_a_file_of_the_wrong_size_is_refused(
    platform: Platform, method: str, field: str, size: int, words: str
) -> None:
    ana = await platform.person("ana")
    url = f"{platform.url}/bot{TOKEN}/{method}"
    answer = await platform.http.post(url, data={"chat_id": str(ana)}, files={field: ("a", b"x" * size)})
    assert f"{answer.json()['error_code']} {answer.json()['description']}" == words
    assert await platform.accepted() == []


async def test_a_persons_file_is_downloaded_by_a_link(platform: Platform) -> None:
    await platform.person("ana")
    url = f"{platform.url}/_sim/telegram/people/ana/file"
    await platform.http.post(
        url, params={"filename": "a.txt"}, content=b"hello", headers={"content-type": "text/plain"}
    )
    document = (await platform.updates())[0]["message"]["document"]
    assert (document["file_name"], document["mime_type"], document["file_size"]) == ("a.txt", "text/plain", 5)
    found = await platform.call("getFile", file_id=document["file_id"])
    assert check_answer("getFile", found) == []
    link = f"{platform.url}/file/bot{TOKEN}/{found['file_path']}"
    assert (await platform.http.get(link)).content == b"hello"
    assert (await platform.http.get(link.replace(TOKEN, "77:of-nobody"))).status_code == 401
    assert (await platform.http.get(f"{link}x")).json()["error_code"] == 404


@pytest.mark.parametrize(("size", "is_too_big"), [(20 * 2**20, False), (20 * 2**20 + 1, True)])
async def test_a_bot_downloads_twenty_megabytes_at_most(platform: Platform, size: int, is_too_big: bool) -> None:
    await platform.person("ana")
    url = f"{platform.url}/_sim/telegram/people/ana/file"
    await platform.http.post(url, params={"filename": "film.mp4", "size": size})
    document = (await platform.updates())[0]["message"]["document"]
    answer = (await platform.answer("getFile", file_id=document["file_id"])).json()
    if is_too_big:
        assert answer["description"] == "Bad Request: file is too big"
    else:
        link = f"{platform.url}/file/bot{TOKEN}/{answer['result']['file_path']}"
        assert len((await platform.http.get(link)).content) == size


async def test_updates_are_asked_for_and_confirmed(platform: Platform) -> None:
    await platform.person("ana")
    for text in ("one", "two", "three"):
        await platform.say("ana", text)
    first = await platform.call("getUpdates", limit=2)
    assert [update["message"]["text"] for update in first] == ["one", "two"]
    rest = await platform.call("getUpdates", offset=first[-1]["update_id"] + 1)
    assert [update["message"]["text"] for update in rest] == ["three"]
    assert [update["message"]["text"] for update in await platform.call("getUpdates", offset=-1)] == ["three"]


async def test_a_long_poll_ends_with_the_first_update(platform: Platform) -> None:
    await platform.person("ana")
    waiting = asyncio.create_task(platform.call("getUpdates", timeout=20))
    await platform.say("ana", "hi")
    assert [update["message"]["text"] for update in await waiting] == ["hi"]


async def test_who_polls_twice_is_told(platform: Platform) -> None:
    waiting = asyncio.create_task(platform.answer("getUpdates", timeout=20))
    while not waiting.done():
        await platform.call("getUpdates")
    assert (await waiting).json()["description"].startswith("Conflict: terminated by other getUpdates request")


async def test_nobody_polls_while_a_webhook_is_set(platform: Platform) -> None:
    await platform.call("setWebhook", url="http://127.0.0.1:9/")
    refused = await platform.refused("getUpdates")
    assert refused.startswith("409 Conflict: can't use getUpdates method while webhook is active; use deleteWebhook")
    await platform.call("deleteWebhook")
    assert await platform.call("getUpdates") == []


async def test_a_press_is_answered_once_and_by_its_own_bot(platform: Platform) -> None:
    ana = await platform.person("ana")
    await platform.sim("bots", token=OTHER)
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}]]}
    sent = await platform.call("sendMessage", chat_id=ana, text="?", reply_markup=markup)
    pressed = await platform.sim("people/ana/press", message_id=sent["message_id"], bot=77)
    query = {"callback_query_id": pressed["callback_query_id"]}
    assert await platform.call("answerCallbackQuery", **query) is True
    assert (await platform.refused("answerCallbackQuery", **query)).startswith("400 Bad Request: query is too old")
