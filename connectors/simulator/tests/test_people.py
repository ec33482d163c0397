"""What people do, and what bots are told of it; every update has been held against its format on the way."""

import pytest

from connectors.simulator.tests.scene import Platform

YES_NO = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "No", "callback_data": "n"}]]}


async def test_a_person_writes_replies_and_edits(platform: Platform) -> None:
    ana = await platform.person("ana", last_name="Alves", username="ana_alves", language_code="pt")
    sent = await platform.call("sendMessage", chat_id=ana, text="hi")
    said = await platform.say("ana", "  ho ", reply_to=sent["message_id"])
    await platform.sim("people/ana/edit", message_id=said["message_id"], text="hoho")
    message, edited = await platform.updates()
    assert message["message"]["text"] == "ho"
    assert message["message"]["from"]["language_code"] == "pt"
    assert message["message"]["chat"] == {
        "id": ana,
        "type": "private",
        "first_name": "ana",
        "last_name": "Alves",
        "username": "ana_alves",
    }
    assert message["message"]["reply_to_message"]["message_id"] == sent["message_id"]
    assert (edited["edited_message"]["text"], edited["edited_message"]["message_id"]) == ("hoho", said["message_id"])


async def test_a_command_is_marked_in_utf16_units(platform: Platform) -> None:
    await platform.person("ana")
    await platform.say("ana", "/start now")
    assert (await platform.updates())[0]["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]


@pytest.mark.parametrize("kind", ["sticker", "voice", "contact", "dice"])
async def test_people_send_what_is_neither_text_nor_file(platform: Platform, kind: str) -> None:
    await platform.person("ana")
    await platform.sim("people/ana/say", kind=kind)
    assert kind in (await platform.updates())[0]["message"]


async def test_a_place_is_a_location(platform: Platform) -> None:
    await platform.person("ana")
    await platform.sim("people/ana/say", location=[48.2, 16.37])
    assert (await platform.updates())[0]["message"]["location"] == {"latitude": 48.2, "longitude": 16.37}


async def test_a_reaction_comes_only_when_it_was_asked_for(platform: Platform) -> None:
    ana = await platform.person("ana")
    sent = await platform.call("sendMessage", chat_id=ana, text="hi")
    assert "updates" not in await platform.sim("people/ana/react", message_id=sent["message_id"], emoji="👍")
    await platform.call("getUpdates", allowed_updates=["message_reaction"])
    await platform.sim("people/ana/react", message_id=sent["message_id"], emoji="🔥")
    await platform.sim("people/ana/react", message_id=sent["message_id"])
    await platform.say("ana", "not asked for")
    changed, taken_back = [update["message_reaction"] for update in await platform.updates()]
    assert (changed["old_reaction"][0]["emoji"], changed["new_reaction"][0]["emoji"]) == ("👍", "🔥")
    assert (taken_back["old_reaction"][0]["emoji"], taken_back["new_reaction"]) == ("🔥", [])


async def test_a_button_is_pressed_by_its_text(platform: Platform) -> None:
    ana = await platform.person("ana")
    sent = await platform.call("sendMessage", chat_id=ana, text="?", reply_markup=YES_NO)
    await platform.sim("people/ana/press", message_id=sent["message_id"], button="No")
    query = (await platform.updates())[0]["callback_query"]
    assert (query["data"], query["message"]["message_id"], query["from"]["id"]) == ("n", sent["message_id"], ana)


async def test_who_blocks_the_bot_is_out_of_reach_until_they_write(platform: Platform) -> None:
    ana = await platform.person("ana")
    await platform.sim("people/ana/block")
    assert await platform.refused("sendMessage", chat_id=ana, text="hi") == "403 Forbidden: bot was blocked by the user"
    await platform.say("ana", "again")
    blocked, unblocked, message = await platform.updates()
    assert blocked["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert unblocked["my_chat_member"]["new_chat_member"]["status"] == "member"
    assert message["message"]["text"] == "again"
    assert await platform.call("sendMessage", chat_id=ana, text="hi")


async def test_a_bot_does_not_begin_and_an_account_may_be_gone(platform: Platform) -> None:
    bo, cy = await platform.person("bo", started=False), await platform.person("cy")
    assert await platform.refused("sendMessage", chat_id=bo, text="hi") == "400 Bad Request: chat not found"
    await platform.say("bo", "/start")
    assert await platform.call("sendMessage", chat_id=bo, text="hi")
    await platform.sim("people/cy/deactivate")
    assert await platform.refused("sendMessage", chat_id=cy, text="hi") == "403 Forbidden: user is deactivated"


async def test_in_a_group_a_bot_hears_what_is_meant_for_it(platform: Platform) -> None:
    await platform.person("ana")
    group = (await platform.sim("groups", title="lunch", members=["ana"]))["id"]
    sent = await platform.call("sendMessage", chat_id=group, text="hi")
    await platform.updates()
    for text in ("among us", "/help", "you, @parley_1_bot"):
        await platform.say("ana", text, chat=group)
    await platform.say("ana", "to you", chat=group, reply_to=sent["message_id"])
    assert [u["message"]["text"] for u in await platform.updates()] == ["/help", "you, @parley_1_bot", "to you"]
    await platform.sim(f"groups/{group}/bot", standing="administrator")
    await platform.say("ana", "among us", chat=group)
    assert [u["message"]["text"] for u in await platform.updates() if "message" in u] == ["among us"]


async def test_reactions_of_a_group_go_to_administrators(platform: Platform) -> None:
    await platform.person("ana")
    group = (await platform.sim("groups", title="lunch", members=["ana"]))["id"]
    sent = await platform.call("sendMessage", chat_id=group, text="hi")
    await platform.call("getUpdates", allowed_updates=["message_reaction"])
    react = {"message_id": sent["message_id"], "emoji": "👍", "chat": group}
    assert "updates" not in await platform.sim("people/ana/react", **react)
    await platform.sim(f"groups/{group}/bot", standing="administrator")
    assert len((await platform.sim("people/ana/react", **react))["updates"]) == 1


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ("kicked", "403 Forbidden: bot was kicked from the supergroup chat"),
        ("left", "403 Forbidden: bot is not a member of the supergroup chat"),
    ],
)
async def test_a_bot_that_is_sent_away_writes_no_more(platform: Platform, standing: str, words: str) -> None:
    await platform.person("ana")
    group = (await platform.sim("groups", title="lunch", members=["ana"]))["id"]
    await platform.sim(f"groups/{group}/bot", standing=standing)
    assert await platform.refused("sendMessage", chat_id=group, text="hi") == words


async def test_a_group_that_moved_says_where_to(platform: Platform) -> None:
    await platform.person("ana")
    old = (await platform.sim("groups", title="lunch", members=["ana"], supergroup=False))["id"]
    await platform.updates()
    new = (await platform.sim(f"groups/{old}/migrate"))["id"]
    answer = (await platform.answer("sendMessage", chat_id=old, text="hi")).json()
    assert answer == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new},
    }
    assert (await platform.call("sendMessage", chat_id=new, text="hi"))["chat"]["type"] == "supergroup"
    there, here = [update["message"] for update in await platform.updates()]
    assert (there["migrate_to_chat_id"], here["migrate_from_chat_id"]) == (new, old)


async def test_people_join_and_leave(platform: Platform) -> None:
    await platform.person("ana")
    bo = await platform.person("bo")
    group = (await platform.sim("groups", title="lunch", members=["ana"], bot_is="administrator"))["id"]
    await platform.call("getUpdates", allowed_updates=["message", "chat_member"])
    await platform.updates()
    await platform.sim("people/bo/join", chat=group)
    await platform.sim("people/bo/leave", chat=group)
    came, is_in, went, is_out = await platform.updates()
    assert came["message"]["new_chat_members"][0]["id"] == bo
    assert is_in["chat_member"]["new_chat_member"]["status"] == "member"
    assert went["message"]["left_chat_member"]["id"] == bo
    assert is_out["chat_member"]["new_chat_member"]["status"] == "left"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("people/zoe/say", {"text": "hi"}),
        ("people/ana/say", {}),
        ("people/ana/say", {"text": "hi", "kind": "dice"}),
        ("people/ana/say", {"text": "hi", "chat": -1}),
        ("people/ana/say", {"text": "hi", "reply_to": 1}),
        ("people/ana/say", {"text": "hi", "bot": 9}),
        ("people/ana/edit", {"message_id": 1, "text": "x"}),
        ("people/ana/press", {"message_id": 1}),
        ("people/ana/react", {"message_id": 1, "emoji": "🦤"}),
        ("bots", {"token": "77:another-one"}),
        ("people", {"first_name": "bo", "id": 5_000_000_001}),
    ],
)
async def test_what_nobody_can_do_is_said_in_words(platform: Platform, path: str, body: dict[str, object]) -> None:
    await platform.person("ana")
    answer = await platform.http.post(f"{platform.url}/_sim/telegram/{path}", json=body)
    assert answer.status_code == 409
    assert answer.json()["detail"]


async def test_the_last_message_is_meant_where_none_is_named(platform: Platform) -> None:
    ana = await platform.person("ana")
    await platform.call("sendMessage", chat_id=ana, text="?", reply_markup=YES_NO)
    await platform.call("sendMessage", chat_id=ana, text="!")
    await platform.call(
        "getUpdates", allowed_updates=["message", "edited_message", "message_reaction", "callback_query"]
    )
    await platform.say("ana", "a reply", reply_to="last")
    await platform.sim("people/ana/edit", text="a better reply")
    await platform.sim("people/ana/react", emoji="👍")
    await platform.sim("people/ana/press")
    reply, edited, reaction, press = await platform.updates()
    assert reply["message"]["reply_to_message"]["text"] == "!"
    assert edited["edited_message"]["text"] == "a better reply"
    assert reaction["message_reaction"]["message_id"] == reply["message"]["reply_to_message"]["message_id"]
    assert press["callback_query"]["message"]["text"] == "?"
