"""Webhooks against a receiver that misbehaves: order in a chat, chats apart, retries, and what ends a webhook."""

import asyncio
from typing import Any

import pytest

from connectors.simulator.telegram.webhooks import GONE_S, Answer, call_in, close_if_gone
from connectors.simulator.telegram.world import Webhook
from connectors.simulator.tests.hook import Hook, answer, status
from connectors.simulator.tests.scene import OTHER, Platform, Small, running


async def test_an_update_comes_as_json_with_the_secret(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.call("setWebhook", url=hook.url, secret_token="s3cr3t-_")
    await platform.say("ana", "hi")
    received = (await hook.until_received(1))[0]
    assert received.headers["x-telegram-bot-api-secret-token"] == "s3cr3t-_"
    assert received.headers["content-type"] == "application/json"
    assert received.text == "hi"


async def test_without_a_secret_there_is_no_header(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.call("setWebhook", url=hook.url)
    await platform.say("ana", "hi")
    assert "x-telegram-bot-api-secret-token" not in (await hook.until_received(1))[0].headers


async def test_what_waited_comes_when_the_webhook_is_set_unless_it_is_dropped(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.say("ana", "dropped")
    await platform.call("setWebhook", url=hook.url, drop_pending_updates=True)
    await platform.call("deleteWebhook")
    await platform.say("ana", "kept")
    await platform.call("setWebhook", url=hook.url)
    assert [received.text for received in await hook.until_received(1)] == ["kept"]


@pytest.mark.parametrize("wrong", [status(500), status(302, "location: /else"), status(404), b"nonsense\r\n\r\n", None])
async def test_what_was_not_taken_comes_again_before_what_follows(
    platform: Platform, hook: Hook, wrong: bytes | None
) -> None:
    await platform.person("ana")
    hook.answers = [wrong]
    await platform.call("setWebhook", url=hook.url)
    for text in ("one", "two"):
        await platform.say("ana", text)
    received = await hook.until_received(3)
    assert [each.text for each in received] == ["one", "one", "two"]
    assert received[0].update["update_id"] == received[1].update["update_id"]
    info = await platform.call("getWebhookInfo")
    assert info["last_error_message"]


async def test_retry_after_is_obeyed(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    hook.answers = [status(503, "retry-after: 1")]
    await platform.call("setWebhook", url=hook.url)
    await platform.say("ana", "hi")
    first, second = (each.at for each in await hook.until_received(2))
    assert second - first >= 0.95


async def test_chats_go_in_parallel_and_each_in_order(platform: Platform, hook: Hook) -> None:
    names = [f"p{number}" for number in range(6)]
    for name in names:
        await platform.person(name)
    hook.gate.clear()
    await platform.call("setWebhook", url=hook.url, max_connections=4)
    for text in ("one", "two", "three"):
        for name in names:
            await platform.say(name, text)
    await hook.until(lambda: hook.most_at_once == 4)
    hook.gate.set()
    await hook.until_received(18)
    assert (hook.most_at_once, hook.most_in_a_chat) == (4, 1)
    for chat in {each.chat for each in hook.received}:
        assert [each.text for each in hook.received if each.chat == chat] == ["one", "two", "three"]


async def test_a_chat_that_fails_holds_up_no_other(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.person("bo")
    hook.answers = [status(500, "retry-after: 3600")]
    await platform.call("setWebhook", url=hook.url)
    await platform.say("ana", "stuck")
    await hook.until_received(1)
    for text in ("one", "two"):
        await platform.say("bo", text)
    assert [each.text for each in await hook.until_received(3)] == ["stuck", "one", "two"]
    async with asyncio.timeout(60):
        while (await platform.call("getWebhookInfo"))["pending_update_count"] != 1:
            await asyncio.sleep(0.01)


async def test_a_webhook_that_does_not_answer_is_given_up_and_tried_again(hook: Hook) -> None:
    async with running(webhook_timeout_s=0.2) as platform:
        await platform.person("ana")
        hook.gate.clear()
        await platform.call("setWebhook", url=hook.url)
        await platform.say("ana", "hi")
        await hook.until_received(2)
        assert (await platform.call("getWebhookInfo"))["last_error_message"] == "Read timeout expired"


async def test_a_call_in_the_answer_is_done(platform: Platform, hook: Hook) -> None:
    ana = await platform.person("ana")
    hook.answers = [answer({"method": "sendMessage", "chat_id": ana, "text": "from the answer"})]
    await platform.call("setWebhook", url=hook.url)
    await platform.say("ana", "hi")
    async with asyncio.timeout(60):
        while len(entries := await platform.accepted()) < 2:
            await asyncio.sleep(0.01)
    assert [(entry["what"], entry["text"]) for entry in entries] == [("said", "hi"), ("sent", "from the answer")]


@pytest.mark.parametrize(
    ("given", "call"),
    [
        (
            Answer(200, "", 0, "application/json", b'{"method": "sendmessage", "text": "a"}'),
            ("sendMessage", {"text": "a"}),
        ),
        (
            Answer(200, "", 0, "application/x-www-form-urlencoded", b"method=deleteMessage&message_id=7&chat_id=1"),
            ("deleteMessage", {"message_id": 7, "chat_id": "1"}),
        ),
        (Answer(200, "", 0, "application/json", b'{"method": "setWebhook", "url": "http://evil"}'), None),
        (Answer(200, "", 0, "application/json", b'{"method": "deleteWebhook"}'), None),
        (Answer(200, "", 0, "application/json", b'{"method": "getMe"}'), None),
        (Answer(200, "", 0, "application/json", b'{"method": 7}'), None),
        (Answer(200, "", 0, "application/json", b"[]"), None),
        (Answer(200, "", 0, "application/json", b"{"), None),
        (Answer(200, "", 0, "text/html", b"ok"), None),
    ],
)
def test_not_every_answer_is_a_call(given: Answer, call: tuple[str, dict[str, Any]] | None) -> None:
    assert call_in(given) == call


def test_answering_gone_for_23_hours_closes_the_webhook(small: Small) -> None:
    hook = small.bot.webhook = Webhook("http://parley.example")
    close_if_gone(small.bot, hook, 410, 1_000.0)
    close_if_gone(small.bot, hook, 410, 1_000.0 + GONE_S)
    assert small.bot.webhook is hook
    close_if_gone(small.bot, hook, 410, 1_001.0 + GONE_S)
    assert not small.bot.webhook.url


def test_any_other_answer_in_between_starts_the_count_anew(small: Small) -> None:
    hook = small.bot.webhook = Webhook("http://parley.example")
    close_if_gone(small.bot, hook, 410, 1_000.0)
    close_if_gone(small.bot, hook, 500, 2_000.0)
    close_if_gone(small.bot, hook, 410, 1_001.0 + GONE_S)
    assert small.bot.webhook is hook


async def test_a_webhook_that_is_gone_is_tried_again_until_then(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    hook.answers = [status(410)]
    await platform.call("setWebhook", url=hook.url)
    await platform.say("ana", "hi")
    await hook.until_received(2)
    assert (await platform.call("getWebhookInfo"))["url"] == hook.url


async def test_each_bot_has_its_own_webhook(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.sim("bots", token=OTHER)
    await platform.call("setWebhook", url="http://127.0.0.1:9/")
    await platform.call("setWebhook", OTHER, url=hook.url, secret_token="other")
    await platform.say("ana", "to the first", bot=77)
    await platform.say("ana", "to the other", bot=78)
    assert [each.text for each in await hook.until_received(1)] == ["to the other"]


async def test_a_new_webhook_gets_what_the_old_one_did_not_take(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.call("setWebhook", url="http://127.0.0.1:9/")
    await platform.say("ana", "hi")
    await platform.call("setWebhook", url=hook.url)
    assert [each.text for each in await hook.until_received(1)] == ["hi"]


async def test_an_object_that_is_no_update_can_be_sent_on_purpose(platform: Platform, hook: Hook) -> None:
    await platform.call("setWebhook", url=hook.url)
    await platform.sim("updates", update={"message": {"text": 7}}, chat=5)
    received = (await hook.until_received(1))[0]
    assert received.update["message"] == {"text": 7}
    assert received.update["update_id"] > 0


async def test_an_address_that_is_none_stops_nobody_else(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.sim("bots", token=OTHER)
    await platform.call("setWebhook", url="http://a..b\u0000.example:1/x")
    await platform.call("setWebhook", OTHER, url=hook.url)
    await platform.say("ana", "lost", bot=77)
    await platform.say("ana", "hi", bot=78)
    assert [each.text for each in await hook.until_received(1)] == ["hi"]
    assert (await platform.call("getWebhookInfo"))["last_error_message"]
