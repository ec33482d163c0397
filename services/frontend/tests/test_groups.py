"""Groups: who is in one, and what its members see of each other's messages."""

import pytest

from libs.common.accept import resolve_recipients
from libs.common.clock import new_id
from libs.common.errors import MAX_ERRORS, Problem, each_wrong
from services.frontend.domain import ConversationRequest, choose_members
from services.frontend.tests.conftest import Caller, Scene


def test_a_group_has_everybody_named_and_the_caller_each_once() -> None:
    asked = ConversationRequest(type="group", members=["cy", "bo", "cy", "ana"])
    assert choose_members("ana", asked) == ["ana", "bo", "cy"]


@pytest.mark.parametrize("others", [1, 255])
def test_a_group_has_2_to_256_members(others: int) -> None:
    asked = ConversationRequest(type="group", members=[f"user{n}" for n in range(others)] * 2)
    assert len(choose_members("ana", asked)) == others + 1


def test_what_is_wrong_is_pointed_at_where_it_stands_first() -> None:
    errors = each_wrong(["cy", "di"], ["di", "bo", "cy", "di", "cy"], "/members", "is wrong")
    assert [e.pointer for e in errors] == ["/members/0", "/members/2"]


def test_a_long_list_of_strangers_is_refused_at_once_and_in_few_words() -> None:
    with pytest.raises(Problem) as refused:
        resolve_recipients([f"{n}" for n in range(15_000)], "ana", ["ana", "bo"])
    assert len(refused.value.errors) == MAX_ERRORS


async def test_a_group_of_256_is_opened_and_each_of_them_sees_it(scene: Scene, ana: Caller) -> None:
    others = [await scene.user(f"user{n}") for n in range(255)]
    names = [scene.name(f"user{n}") for n in range(255)]
    answer = await ana.post("/v1/conversations", {"type": "group", "members": names, "title": "everybody"})
    assert answer.status_code == 201
    conversation = answer.json()
    assert conversation["members"] == sorted([*names, scene.name("ana")])
    assert (conversation["type"], conversation["title"]) == ("group", "everybody")
    seen = await others[254].get(f"/v1/conversations/{conversation['conversation_id']}")
    shown = seen.json()
    del shown["windows"]
    assert shown == conversation


async def test_the_same_people_may_have_any_number_of_groups(scene: Scene, ana: Caller, bo: Caller) -> None:
    asked = {"type": "group", "members": [scene.name("bo")]}
    pair = await ana.open(scene.name("bo"))
    opened = [(await ana.post("/v1/conversations", asked)) for _ in range(2)]
    assert [a.status_code for a in opened] == [201, 201]
    assert len({pair, *(a.json()["conversation_id"] for a in opened)}) == 3
    assert await bo.open(scene.name("ana")) == pair


async def test_each_unknown_member_is_pointed_at_once(scene: Scene, ana: Caller, bo: Caller) -> None:
    names = [scene.name(n) for n in ("zoe", "bo", "yan", "zoe", "ana")]
    refused = await ana.post("/v1/conversations", {"type": "group", "members": [*names, "zoe\0"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_member")
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/members/0", "/members/2", "/members/5"]


async def test_a_group_message_is_delivered_when_each_recipient_has_it(
    scene: Scene, ana: Caller, bo: Caller, mallory: Caller
) -> None:
    conversation_id = await ana.open_group(scene.name("bo"), scene.name("mallory"))
    (message_id,) = await ana.send(conversation_id, "hi")
    await scene.store()
    seen = []
    for name in ("bo", "mallory"):
        await scene.receipt(conversation_id, name, "DELIVERED", 1)
        seen.append((await mallory.get(f"/v1/messages/{message_id}")).json()["status"])
    assert seen == ["SENT", "DELIVERED"]
    report = (await ana.get(f"/v1/messages/{message_id}/status")).json()
    assert report["status"] == "DELIVERED"
    assert {d["recipient"]: d["status"] for d in report["deliveries"]} == {
        scene.name("bo"): "DELIVERED",
        scene.name("mallory"): "DELIVERED",
    }


async def test_only_the_addressed_count_for_the_status_and_everybody_sees_the_message(
    scene: Scene, ana: Caller, bo: Caller, mallory: Caller
) -> None:
    conversation_id = await ana.open_group(scene.name("bo"), scene.name("mallory"))
    sent = await ana.say(conversation_id, "hi bo", to=[scene.name("bo")])
    message_id = sent.json()["message_id"]
    await scene.store()
    await scene.receipt(conversation_id, "bo", "READ", 1)
    shown = (await mallory.get(f"/v1/messages/{message_id}")).json()
    assert (shown["to"], shown["status"]) == ([scene.name("bo")], "READ")
    unread = {
        c: (await c.get(f"/v1/conversations/{conversation_id}")).json()["unread_count"] for c in (ana, bo, mallory)
    }
    assert list(unread.values()) == [0, 0, 1]
    report = (await mallory.get(f"/v1/messages/{message_id}/status")).json()
    assert [d["recipient"] for d in report["deliveries"]] == [scene.name("bo")]


async def test_who_is_not_in_the_group_may_neither_write_nor_be_addressed(
    scene: Scene, ana: Caller, bo: Caller, mallory: Caller
) -> None:
    conversation_id = await ana.open_group(scene.name("bo"))
    assert (await mallory.say(conversation_id, "hi")).status_code == 404
    refused = await ana.say(conversation_id, "hi", to=[scene.name("bo"), scene.name("mallory")], message_id=new_id())
    assert (refused.status_code, refused.json()["code"]) == (422, "not_a_member")
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/to/1"]
