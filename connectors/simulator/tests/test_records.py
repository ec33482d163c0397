"""What the platform remembers: bounded, counted beyond its bounds, and forgotten by one call."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from connectors.simulator.files import CHUNK, Files, made_up
from connectors.simulator.journal import Journal
from connectors.simulator.telegram.numbers import Numbers
from connectors.simulator.tests.hook import Hook
from connectors.simulator.tests.scene import TOKEN, Clock, Platform, Small


async def test_everything_that_was_accepted_is_on_record_in_order(platform: Platform) -> None:
    ana = await platform.person("ana")
    said = await platform.say("ana", "hi")
    sent = await platform.call(
        "sendMessage", chat_id=ana, text="ho", reply_parameters={"message_id": said["message_id"]}
    )
    await platform.call("editMessageText", chat_id=ana, message_id=sent["message_id"], text="hoho")
    await platform.call("deleteMessage", chat_id=ana, message_id=sent["message_id"])
    await platform.refused("sendMessage", chat_id=ana, text="")
    entries = await platform.accepted()
    assert [(e["n"], e["what"], e["text"]) for e in entries] == [
        (1, "said", "hi"),
        (2, "sent", "ho"),
        (3, "edited", "hoho"),
        (4, "deleted", "hoho"),
    ]
    assert (entries[1]["reply_to"], entries[1]["bot"], entries[1]["sender"]) == (said["message_id"], 77, 77)
    counts = await platform.sim("counts", "GET")
    assert counts["accepted"] == {"said": 1, "sent": 1, "edited": 1, "deleted": 1}
    assert (counts["calls"]["sendMessage 200"], counts["calls"]["sendMessage 400"]) == (1, 1)


async def test_a_chat_shows_its_messages(platform: Platform) -> None:
    ana = await platform.person("ana")
    await platform.person("bo")
    for name, text in (("ana", "one"), ("bo", "two"), ("ana", "three")):
        await platform.say(name, text)
    shown = await platform.sim(f"chats/{ana}/messages", "GET")
    assert [message["text"] for message in shown["items"]] == ["one", "three"]


async def test_one_call_forgets_everything(platform: Platform) -> None:
    ana = await platform.person("ana")
    await platform.sim("bots", token="79:more")
    await platform.say("ana", "hi", bot=77)
    await platform.sim("faults", kind="reset")
    await platform.http.post(f"{platform.url}/_sim/reset")
    assert (await platform.sim("counts", "GET"))["accepted"] == {}
    assert [bot["token"] for bot in (await platform.sim("bots", "GET"))["items"]] == [TOKEN]
    assert await platform.refused("sendMessage", chat_id=ana, text="hi") == "400 Bad Request: chat not found"
    assert await platform.call("getUpdates") == []


async def test_bots_may_stay_with_their_webhooks(platform: Platform, hook: Hook) -> None:
    await platform.call("setWebhook", url=hook.url)
    await platform.http.post(f"{platform.url}/_sim/reset", params={"keep_bots": True})
    await platform.person("ana")
    await platform.say("ana", "hi")
    assert [each.text for each in await hook.until_received(1)] == ["hi"]


async def test_no_number_comes_twice_though_all_is_forgotten(platform: Platform) -> None:
    await platform.person("ana")
    before = await platform.say("ana", "hi")
    await platform.reset()
    await platform.person("ana")
    after = await platform.say("ana", "hi")
    assert after["message_id"] > before["message_id"]
    assert after["updates"][0] > before["updates"][0]


def test_numbers_of_a_later_start_are_higher() -> None:
    clock = Clock()
    first = Numbers(clock)
    last = [first.next("updates") for _ in range(200)][-1]
    clock.now += 10
    assert Numbers(clock).next("updates") > last
    assert Numbers(clock).next("updates") < 2**31


def test_old_messages_are_dropped_and_new_ones_kept(small: Small) -> None:
    for number in range(150):
        small.people.say(small.ana, small.ana, small.bot, {"text": str(number)}, None)
    texts = [message.body["text"] for message in small.world.messages.values()]
    assert texts == [str(number) for number in range(50, 150)]
    assert small.world.journal.counts["said"] == 150


@given(st.integers(0, 300), st.integers(0, 320), st.integers(1, 50))
def test_the_record_is_read_page_by_page_and_says_what_it_lost(written: int, after: int, limit: int) -> None:
    journal = Journal(most=100)
    for number in range(written):
        journal.note(0.0, "said", bot=1, chat=number % 3, message_id=number, sender=1)
    page = journal.page(after, limit)
    kept = range(max(1, written - 99), written + 1)
    assert [entry.n for entry in page.items] == [n for n in kept if n > after][:limit]
    assert page.lost == len([n for n in range(1, written + 1) if n > after and n not in kept])
    seen = journal.page(page.next_after, 1_000)
    assert [entry.n for entry in seen.items] == [n for n in kept if n > after][limit:]


def test_a_record_of_one_chat_goes_on_where_it_ended() -> None:
    journal = Journal(most=100)
    for number in range(60):
        journal.note(0.0, "said", bot=1, chat=number % 3, message_id=number, sender=1)
    found, after = [], 0
    while (page := journal.page(after, 7, chat=2)).items:
        found += [entry.message_id for entry in page.items]
        after = page.next_after
    assert found == list(range(2, 60, 3))


def kept(files: Files, content: bytes) -> str:
    incoming = files.incoming(1_000_000)
    incoming.write(content)
    return files.keep(incoming, "a.bin", "application/octet-stream").file_id


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    files = Files(tmp_path, most_bytes=1_000)
    ids = [kept(files, b"x" * 400) for _ in range(4)]
    assert [files.get(each) is not None for each in ids] == [False, False, True, True]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 800


def test_a_link_is_good_for_an_hour(tmp_path: Path) -> None:
    files = Files(tmp_path, most_bytes=1_000)
    stored = files.make_up("a.txt", "text/plain", 10)
    link = files.link(stored, 0.0)
    assert files.by_link(link, 3_599.0) is stored
    assert files.by_link(link, 3_600.0) is None


@given(st.integers(0, 3 * CHUNK))
def test_bytes_that_are_made_up_are_as_many_as_asked_and_always_the_same(size: int) -> None:
    first = b"".join(made_up("seed", size))
    assert len(first) == size
    assert first == b"".join(made_up("seed", size))
