"""What operators see and mend: letters of the DLQs and the quarantine, accounts of platforms, and who did what."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from clients.parley.objects import Delivery
from tests.command import Home
from tests.conftest import PASSWORD, PATIENCE_S, Chat, Person
from tests.operators import Desk, Json, grant, poison_update, revoke, router_url, send, working

INTERNAL_CALLS = ["/v1/operators/dlq", "/v1/operators/channels", "/v1/operators/audit"]


@pytest.fixture
async def desk(chat: Chat) -> AsyncIterator[Desk]:
    async with working(chat) as made:
        yield made


@pytest.mark.parametrize("path", INTERNAL_CALLS)
async def test_through_the_gateway_there_are_no_operators_calls(desk: Desk, path: str) -> None:
    async with httpx.AsyncClient(base_url=desk.chat.stack.gateway_url, timeout=60) as gateway:
        answer = await gateway.get(path, headers=desk.op.token)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", INTERNAL_CALLS)
async def test_strangers_and_users_without_the_role_are_refused(desk: Desk, path: str) -> None:
    nobody = await desk.op.http.get(path)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    eve = await desk.chat.person("eve")
    answer = await desk.op.http.get(path, headers={"Authorization": f"Bearer {eve.client.access_token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_an_operator")
    assert f"parley operators grant {eve.name}" in answer.json()["detail"]


async def test_whose_session_is_revoked_is_refused(desk: Desk) -> None:
    token = desk.op.token
    await desk.op.person.client.log_out()
    async with asyncio.timeout(PATIENCE_S):
        while (await desk.op.http.get("/v1/operators/dlq", headers=token)).status_code != 401:
            await asyncio.sleep(0.1)


async def test_poison_is_dropped_and_the_audit_says_by_whom(desk: Desk) -> None:
    mark = f"not an event {secrets.token_hex(8)}"
    await desk.poison(mark.encode())
    letter = await desk.op.letter(mark, topic="message.events.dlq", reason="malformed")
    assert (letter["text"], letter["body"], letter["attempts"]) == (mark, None, 1)
    assert letter["headers"]["dlq_origin"] == letter["origin"]
    assert await desk.op.settled("/dlq/drop", letter["id"], letter["id"], note="a test") == ["dropped"]
    assert await desk.op.settled("/dlq/drop", letter["id"]) == ["already_dropped"]
    dropped = await desk.op.get("/dlq", state="dropped", topic="message.events.dlq")
    assert next((i["id"], i["settled_by"]) for i in dropped["items"]) == (letter["id"], desk.op.person.name)
    acted = [a for a in await desk.actions(letter["id"]) if a[0] != "dlq.show"]
    assert acted == [("dlq.drop", "dropped"), ("dlq.drop", "already_dropped")]


async def test_a_replay_is_safe_to_repeat_and_what_fails_again_is_another_letter(desk: Desk) -> None:
    mark = f"not an event {secrets.token_hex(8)}"
    await desk.poison(mark.encode())
    first = await desk.op.letter(mark)
    assert await desk.op.settled("/dlq/replay", first["id"]) == ["replayed"]
    assert await desk.op.settled("/dlq/replay", first["id"], "none.dlq:0:1") == ["already_replayed", "not_found"]
    second = await desk.op.letter(mark)
    assert second["id"] != first["id"]
    assert (second["attempts"], second["origin"], second["first_at"]) == (2, first["origin"], first["first_at"])
    await desk.op.settled("/dlq/drop", second["id"])


async def test_pages_of_letters_come_newest_first_and_none_twice(desk: Desk) -> None:
    mark = secrets.token_hex(8)
    for n in range(3):
        await desk.poison(f"{mark} {n}".encode())
        await desk.op.letter(f"{mark} {n}")
    seen: list[Json] = []
    cursor: dict[str, str] = {}
    while len(seen) < 3:
        page = await desk.op.get("/dlq", topic="message.events.dlq", limit=1, **cursor)
        seen += page["items"]
        cursor = {"cursor": page["next_cursor"]}
    assert sorted((i["at"] for i in seen), reverse=True) == [i["at"] for i in seen]
    assert len({i["id"] for i in seen}) == 3
    counts = await desk.op.get("/dlq/counts")
    assert sum(c["count"] for c in counts["items"] if c["reason"] == "malformed") >= 3
    await desk.op.settled("/dlq/drop", *[i["id"] for i in seen])


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/dlq/drop", {"ids": []}, "/ids"),
        ("/dlq/replay", {"ids": ["rubbish"]}, "/ids/0"),
        ("/dlq/replay", {"ids": ["a:0:1"] * 101}, "/ids"),
        ("/dlq/drop", {"ids": ["a:0:1"], "why": "?"}, "/why"),
    ],
)
async def test_what_cannot_be_meant_is_refused(desk: Desk, path: str, body: Json, pointer: str) -> None:
    answer = await desk.op.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_poison_update_is_edited_replayed_and_arrives(desk: Desk) -> None:
    """It lacks what makes a message of it; with that, it comes to the conversation it belongs to."""
    poisoned = await poison_update(desk)
    letter, path = poisoned.letter, f"/dlq/{poisoned.letter['id']}"
    assert (letter["reason"], letter["is_update"], letter["about"]["channel"]) == ("unreadable", True, "telegram")
    refused = await desk.op.post(f"{path}/replay", {"body": letter["body"]})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/body")
    answer = await desk.op.post(f"{path}/replay", {"body": poisoned.mended})
    assert answer.json() == {"id": letter["id"], "outcome": "replayed"}
    await poisoned.arrives()
    after = await desk.op.get(path)
    assert (after["state"], after["body"]) == ("replayed", letter["body"])
    assert after["replayed_value_base64"]


async def test_a_delivery_that_failed_for_good_is_replayed_and_its_history_shows_it(desk: Desk, tmp_path: Path) -> None:
    ana, bo, conversation = await desk.chat.pair()
    tea = await desk.there.is_reached_by(bo)
    await desk.there.fault("error", chat=int(tea), status=503)
    async with _others_are_served(desk, ana):
        (message_id,) = await send(ana, conversation, "hi")
        failed = await _until(ana, message_id, "FAILED")
    assert (failed.attempts, failed.error and failed.error["code"]) == (5, "unreachable")
    letter = await desk.op.letter(message_id, message_id=message_id)
    assert letter["delivery"]["status"] == "FAILED"
    assert await desk.account(lambda c: c["outcomes"]["failed"] >= 5 and bool(c["errors"]))

    await desk.there.clear()
    home = await at_home(desk, tmp_path)
    replayed = await home.run("dlq", "replay", letter["id"])
    assert (replayed.code, replayed.out.split()) == (0, ["replayed", letter["id"]])
    assert (await _until(ana, message_id, "SENT")).attempts == 1
    assert await desk.there.texts(tea) == ["hi"]
    history = (await ana.client.status(message_id)).status_history
    assert [h.status for h in history if h.channel == "telegram"] == ["FAILED", "QUEUED", "SENT"]
    assert (await desk.op.get(f"/dlq/{letter['id']}"))["delivery"]["status"] == "SENT"


async def test_how_an_account_fares_is_seen(desk: Desk) -> None:
    """Whether its breaker opens depends on what others have sent lately, so it is only seen to be told."""
    ana, bo, conversation = await desk.chat.pair()
    tea = await desk.there.is_reached_by(bo)
    calm = await desk.account(lambda c: c["routers"] >= 1)
    assert (calm["channel"], calm["status"], calm["off"]) == ("telegram", "on", None)
    assert calm["webhook"].startswith("connected as ")
    assert calm["breaker"] in ("closed", "half_open", "open")
    assert calm["inbound"].keys() == {"updates", "oldest_s"}
    await desk.there.fault("error", chat=int(tea), status=503)
    await send(ana, conversation, *(str(n) for n in range(3)))
    end = f"…{tea[-4:]}"
    away = await desk.account(lambda c: any(e["address"] == end for e in c["errors"]) and c["waiting"] >= 3)
    assert away["lanes"] >= 1
    assert away["outcomes"]["failed"] >= 1
    await desk.there.clear()
    await desk.there.until(tea, lambda texts: len(texts) == 3)
    await desk.account(lambda c: c["waiting"] == 0)


async def at_home(desk: Desk, folder: Path) -> Home:
    """A computer on which the operator is logged in."""
    home = Home(desk.chat.stack, folder)
    home.environment["PARLEY_OPERATORS_URL"] = router_url(desk.chat)
    assert (await home.run("login", desk.op.person.name, PARLEY_PASSWORD=PASSWORD)).code == 0
    return home


async def test_letters_on_the_command_line(desk: Desk, tmp_path: Path) -> None:
    home, mark = await at_home(desk, tmp_path), secrets.token_hex(8)
    ids = []
    for word in ("first", "second"):
        await desk.poison(f"{word} {mark}".encode(), mark)
        ids.append((await desk.op.letter(f"{word} {mark}"))["id"])
    first, second = ids
    listed = (await home.run("dlq", "list", "--topic", "message.events.dlq", "--json")).json
    assert [i["id"] for i in listed["items"]][:2] == [second, first]
    shown = await home.run("dlq", "show", first)
    assert f"first {mark}" in shown.out
    assert "malformed" in shown.out
    for body, words in (("{", "This is no JSON"), ('{"a": 1}', "body: is no event of message.events")):
        refused = await home.run("dlq", "replay", first, "--body", "-", stdin=body)
        assert (refused.code, words in refused.err) == (1, True)
    unchanged = await home.run("dlq", "replay", first, "--edit", EDITOR="true")
    assert (unchanged.code, "Nothing was changed" in unchanged.err) == (1, True)
    dropped = await home.run("dlq", "drop", first, second, "--note", "a test")
    assert (dropped.code, dropped.out.count("dropped")) == (0, 2)
    assert (await home.run("dlq", "replay", "nothing.dlq:0:1", "--json")).code == 1
    assert "Name letters" in (await home.run("dlq", "drop")).err
    audit = (await home.run("audit", "--json")).json
    assert {(e["on"], e["details"].get("note")) for e in audit["items"][:2]} == {(first, "a test"), (second, "a test")}
    status = await home.run("channels", "status")
    assert "telegram/main" in status.out


async def test_all_of_a_kind_are_settled_after_a_question(desk: Desk, tmp_path: Path) -> None:
    home, mark = await at_home(desk, tmp_path), secrets.token_hex(8)
    ids = []
    for n in range(2):
        await desk.poison(f"{n} {mark}".encode(), mark)
        ids.append((await desk.op.letter(f"{n} {mark}"))["id"])
    every = ("--all", "--topic", "message.events.dlq", "--reason", "malformed")
    kept = await home.run("dlq", "drop", *every, stdin="n\n")
    assert (kept.code, "letters?" in kept.err) == (1, True)
    assert {i["id"] for i in (await desk.op.get("/dlq", limit=200))["items"]} >= {*ids}
    dropped = (await home.run("dlq", "drop", *every, "--yes", "--json")).json
    assert {i["id"] for i in dropped["items"]} >= {*ids}
    assert {i["outcome"] for i in dropped["items"]} == {"dropped"}
    assert "Nothing is open." in (await home.run("dlq", "replay", *every, "--yes")).out


async def test_who_is_no_operator_is_told_how_to_become_one(chat: Chat, tmp_path: Path) -> None:
    home = Home(chat.stack, tmp_path)
    name = await home.register(f"op-{secrets.token_hex(4)}")
    home.environment["PARLEY_OPERATORS_URL"] = router_url(chat)
    refused = await home.run("dlq")
    assert (refused.code, f"parley operators grant {name}" in refused.err) == (1, True)
    await grant(chat, name)
    assert (await home.run("dlq", "--json")).code == 0
    await revoke(chat, name)
    assert (await home.run("login", name, PARLEY_PASSWORD=PASSWORD)).code == 0
    assert (await home.run("audit")).code == 1
    nowhere = await home.run("audit", "--at", "http://127.0.0.1:9")
    assert (nowhere.code, "No router answers operators at http://127.0.0.1:9" in nowhere.err) == (2, True)


async def _until(sender: Person, message_id: str, status: str) -> Delivery:
    async with asyncio.timeout(PATIENCE_S):
        while (found := (await sender.client.status(message_id)).deliveries[0]).status != status:
            await asyncio.sleep(0.2)
    return found


@asynccontextmanager
async def _others_are_served(desk: Desk, sender: Person) -> AsyncIterator[None]:
    """So many that the account's breaker stays closed: it is one chat that fails, not the platform."""
    people = [await desk.chat.person("cy") for _ in range(4)]
    for person in people:
        await desk.there.is_reached_by(person)
    conversations = [await sender.client.open_conversation([person.name]) for person in people]

    async def serve() -> None:
        while True:
            messages = await asyncio.gather(*(send(sender, c, "meanwhile") for c in conversations))
            await asyncio.gather(*(_until(sender, message_id, "SENT") for (message_id,) in messages))

    serving = asyncio.create_task(serve())
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
