"""Calls and what they ask for, against answers as the contract has them."""

import json

from clients.parley import Draft, ParleyClient
from clients.parley.tests.scripted import answer, http_server, message


def conversation(number: int) -> dict[str, object]:
    return {
        "conversation_id": f"c{number}",
        "type": "group",
        "members": ["ana", "bo"],
        "created_by": "ana",
        "created_at": "2026-11-21T10:15:30.123Z",
    }


def line_of(request: bytes) -> str:
    return request.split(b" HTTP/1.1", 1)[0].decode()


async def test_a_batch_is_answered_in_its_order_and_one_bad_item_fails_alone() -> None:
    problem = {"status": 422, "code": "not_a_member", "detail": "/to/0"}
    answered = {"items": [{"message_id": "m1", "status": "ACCEPTED"}, {"problem": problem}]}
    drafts = [Draft(conversation_id="c", text="hi", message_id="m1"), Draft(conversation_id="c", text="x", to=("eve",))]
    async with http_server(answer(202, answered)) as (url, asked), ParleyClient(url, access_token="T") as client:
        first, second = await client.send_batch(drafts)
    assert (first.message_id, first.problem) == ("m1", None)
    assert second.problem is not None
    assert second.problem.code == "not_a_member"
    sent = json.loads(asked[0].split(b"\r\n\r\n", 1)[1])["messages"]
    assert sent[0] == {"message_id": "m1", "conversation_id": "c", "payload": {"type": "text", "text": "hi"}}
    assert sent[1]["to"] == ["eve"]


async def test_all_conversations_are_read_page_by_page() -> None:
    pages = [
        {"items": [conversation(1), conversation(2)], "next_cursor": "x"},
        {"items": [conversation(3)], "next_cursor": None},
    ]
    answers = [answer(200, page) for page in pages]
    async with http_server(*answers) as (url, asked), ParleyClient(url, access_token="T") as client:
        found = [c.conversation_id async for c in client.each_conversation(page=2)]
    assert found == ["c1", "c2", "c3"]
    assert line_of(asked[1]) == "GET /v1/conversations?limit=2&cursor=x"


async def test_a_history_is_read_both_ways_to_its_end() -> None:
    up = [{"items": [message(n) for n in ns], "next_since": ns[-1]} for ns in ([1, 2], [3])]
    down = [{"items": [message(n) for n in ns], "next_before": (ns or [1])[-1]} for ns in ([3, 2], [1])]
    answers = [answer(200, page) for page in up + down]
    async with http_server(*answers) as (url, asked), ParleyClient(url, access_token="T") as client:
        assert [m.sequence_number async for m in client.each_message("c", page=2)] == [1, 2, 3]
        assert [m.sequence_number async for m in client.each_message_back("c", page=2)] == [3, 2, 1]
    assert [line_of(request).partition("?")[2] for request in asked] == [
        "since=0&limit=2",
        "since=2&limit=2",
        "order=desc&limit=2",
        "order=desc&limit=2&before=2",
    ]


async def test_accounts_and_presence_as_the_contract_shows_them() -> None:
    mapping = {"channel": "telegram", "address": "42", "created_at": "2026-11-21T10:15:30.123Z"}
    me = {"username": "ana", "display_name": "Ana", "channels": [mapping], "roles": ["user"]}
    online = {"items": [{"username": "bo", "status": "online", "last_seen": None}]}
    answers = [answer(200, me), answer(200, {"username": "bo"}), answer(200, mapping), answer(200, online)]
    async with http_server(*answers) as (url, asked), ParleyClient(url, access_token="T") as client:
        mine = await client.me()
        assert (mine.channels[0].address, mine.roles) == ("42", ("user",))
        assert (await client.user("a/../b")).username == "bo"
        assert (await client.map_channel("telegram", "42")).address == "42"
        assert [p.status for p in await client.presence(["bo", "cy"])] == ["online"]
    assert line_of(asked[1]) == "GET /v1/users/a%2F..%2Fb"
    assert line_of(asked[3]) == "GET /v1/presence?usernames=bo%2Ccy"
