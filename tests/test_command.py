"""The `parley` command on the real stack: each command as a person types it, and what it says when things go wrong."""

import asyncio
import secrets
import signal
from pathlib import Path

import msgspec
import pytest

from conftest import Stack
from deploy.local.ports import Ports
from tests.command import DEADLINE_S, Home, pair, somebody

NOBODY_LISTENS = "http://127.0.0.1:9"
NO_SUCH_ID = "01a1fdcb-94d7-73ac-917b-fecd10195843"


def simulator_of(stack: Stack) -> str:
    return f"http://127.0.0.1:{Ports(stack.base)['simulator']}"


async def test_a_text_is_sent_found_and_followed(home: Home) -> None:
    ana, ben = await pair(home)
    sent = (await home.run("send", ben, "see", "you", "at six", "--json")).json
    found = await home.history(ana, "--as", ben, count=1)
    assert [(m["message_id"], m["from"], m["payload"]["text"]) for m in found] == [
        (sent["message_id"], ana, "see you at six")
    ]
    status = (await home.run("status", sent["message_id"], "--json")).json
    assert (status["status"], status["sequence_number"]) == ("SENT", 1)
    listed = (await home.run("conversations", "--as", ben, "--json")).json
    assert [(c["conversation_id"], c["unread_count"]) for c in listed["items"]] == [(sent["conversation_id"], 1)]


async def test_the_same_is_readable_for_people(home: Home) -> None:
    ana, ben = await pair(home)
    accepted = await home.run("send", ben, "-", stdin="two\nlines\n")
    assert accepted.out.startswith("✓ accepted  parley status ")
    message_id = accepted.out.split()[-1]
    await home.stored(message_id)
    status = await home.run("status", message_id)
    assert status.out.startswith("SENT  number 1\n")
    assert "ACCEPTED" in status.out
    shown = (await home.run("history", ben)).out.splitlines()
    assert [shown[0].endswith(f"{ana}  two"), shown[1].strip()] == [True, "lines"]
    listed = await home.run("conversations", "--as", ben)
    assert f"{ana}: two ⏎ lines" in listed.out


async def test_an_id_of_ones_own_makes_a_second_try_safe(home: Home) -> None:
    _, ben = await pair(home)
    message_id = "01a1fdcb-94d7-73ac-917b-" + secrets.token_hex(6)
    for _ in range(2):
        assert (await home.run("send", ben, "once", "--message-id", message_id, "--json")).json["status"] == "ACCEPTED"
    after = (await home.run("send", ben, "after", "--json")).json["message_id"]
    assert [m["message_id"] for m in await home.history(ben, count=2)] == [message_id, after]


async def test_a_group_has_a_title_and_takes_texts(home: Home) -> None:
    ana, ben = await pair(home)
    cho = await home.register(somebody("cho"))
    opened = (await home.run("open", ana, ben, "--title", "lunch", "--json")).json
    assert (opened["type"], sorted(opened["members"])) == ("group", sorted([ana, ben, cho]))
    assert (await home.run("send", opened["conversation_id"], "At one?")).code == 0
    assert "lunch" in (await home.run("conversations", "--as", ana)).out


async def test_tail_shows_what_waits_and_what_comes_as_json_lines(home: Home) -> None:
    ana, ben = await pair(home)
    first = (await home.run("send", ben, "waits", "--json")).json
    async with home.running("tail", "--as", ben, "--json") as tail:
        assert tail.stdout
        assert msgspec.json.decode(await tail.stdout.readline())["message_id"] == first["message_id"]
        await home.run("send", ben, "comes")
        told = msgspec.json.decode(await tail.stdout.readline())
        assert (told["type"], told["from"], told["payload"]["text"]) == ("message", ana, "comes")
        async with home.running("tail", ben, "--all", "--json") as receipts:
            assert receipts.stdout
            heard = [msgspec.json.decode(await receipts.stdout.readline()) for _ in range(2)]
        assert [h["payload"]["text"] for h in heard] == ["waits", "comes"]
        tail.send_signal(signal.SIGINT)
        assert await tail.wait() == 130


async def test_presence_tells_who_is_there_of_those_one_talks_to(home: Home) -> None:
    ana, ben = await pair(home)
    await home.run("send", ben, "hi")
    async with home.running("tail", "--as", ben, "--json") as tail:
        assert tail.stdout
        await tail.stdout.readline()
        found = (await home.run("presence", "--json")).json["items"]
        assert [(p["username"], p["status"]) for p in found] == [(ben, "online")]
        assert (await home.run("presence", "nobody-here", "--json")).json == {"items": []}
        assert f"{ben}  online" in (await home.run("presence", "--as", ana)).out


async def test_a_chat_without_a_terminal_sends_the_lines_of_its_input(home: Home) -> None:
    ana, ben = await pair(home)
    talked = await home.run("chat", ben, stdin="one\ntwo\n")
    assert (talked.code, talked.err) == (0, "")
    assert [line.partition("  ")[2] for line in talked.out.splitlines()] == ["one ✓", "two ✓"]
    await home.history(ben, count=2)
    talked = await home.run("chat", ana, "--as", ben, "--json", stdin="three\n")
    lines = [msgspec.json.decode(line) for line in talked.out.splitlines()]
    assert [m["payload"]["text"] for m in lines if m["type"] == "message"][:2] == ["one", "two"]


async def test_a_line_that_is_refused_says_why_and_spoils_the_exit_code(home: Home) -> None:
    _, ben = await pair(home)
    talked = await home.run("chat", ben, stdin=f"{'x' * 4097}\nshort\n")
    assert talked.code == 1
    assert "✗  must be 1 to 4096 characters long" in talked.out
    said = await home.history(ben, count=1)
    assert [m["payload"]["text"] for m in said] == ["short"]


async def test_who_logs_out_is_logged_out(home: Home) -> None:
    ana, ben = await pair(home)
    assert (await home.run("whoami", "--json")).json["username"] == ana
    assert (await home.run("logout")).code == 0
    assert (await home.run("whoami")).code == 3
    assert (await home.run("login", ana, "--password-stdin", stdin="correct horse battery\n")).code == 0
    assert (await home.run("whoami", "--json")).json["username"] == ana
    assert (await home.run("whoami", "--as", ben, "--json")).json["username"] == ben


async def test_a_session_that_was_ended_elsewhere_is_one_to_log_in_again(home: Home, tmp_path: Path) -> None:
    ana = await home.register(somebody("ana"))
    (kept,) = tmp_path.glob(f"parley/*/{ana}.json")
    session = kept.read_bytes()
    await home.run("logout")
    kept.write_bytes(session)
    async with asyncio.timeout(DEADLINE_S):
        while not (refused := await home.run("conversations", "--as", ana)).code:
            pass  # each service hears of it in a moment
    assert refused.code == 3
    assert f"`parley login {ana}`" in refused.err


FAILURES: list[tuple[list[str], int, str]] = [
    (["login", "{ana}"], 1, "The username or the password is wrong. [401 invalid_credentials]"),
    (["register", "{ana}"], 1, "[409 username_taken]"),
    (["register", "Ana!"], 1, "A username is 3 to 64"),
    (["whoami", "--as", "nobody-here"], 3, "nobody-here is not logged in"),
    (["send", "nobody-here", "hi"], 1, "there is no user nobody-here here"),
    (["send", "{ana}", ""], 1, "There is nothing to send."),
    (["send", NO_SUCH_ID, "hi"], 1, "[404 "),
    (["send", "{ben}", "hi", "--channel", "pigeon"], 1, "[422 unknown_channel]"),
    (["send", "{ben}", "hi", "--message-id", "1"], 1, "message_id: "),
    (["chat", "nobody-here"], 1, "there is no user nobody-here here"),
    (["history", "nobody-here"], 1, "no conversation with nobody-here yet"),
    (["tail", "nobody-here"], 1, "no conversation with nobody-here yet"),
    (["status", NO_SUCH_ID], 1, "[404 not_found]"),
    (["status", "not/an id?"], 1, "[404 not_found]"),
    (["conversations", "--cursor", "rubbish"], 1, "[4"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), FAILURES, ids=[" ".join(f[0]) for f in FAILURES])
async def test_what_goes_wrong_is_one_readable_line(
    two_people: tuple[Home, str, str], arguments: list[str], code: int, words: str
) -> None:
    home, ana, ben = two_people
    named = [argument.format(ana=ana, ben=ben) for argument in arguments]
    failed = await home.run(*named, PARLEY_PASSWORD="not the right one")
    assert (failed.code, failed.out, failed.err.count("\n")) == (code, "", 1)
    assert words in failed.err
    assert "Traceback" not in failed.err


@pytest.mark.parametrize("arguments", [["demo", "offline"], ["login", "ana", "--json"], ["demo", "--json"]])
async def test_a_platform_that_is_down_is_one_readable_line(home: Home, arguments: list[str]) -> None:
    failed = await home.run(*arguments, "--url", NOBODY_LISTENS, PARLEY_PASSWORD="any at all")
    assert (failed.code, failed.out, failed.err.count("\n")) == (2, "", 1)
    assert f"Parley does not answer at {NOBODY_LISTENS}: is it up? `make up`" in failed.err


async def test_a_hundred_texts_wait_for_who_is_away(home: Home) -> None:
    story = (await home.run("demo", "offline", "--json", "--deadline", "60")).json
    assert (story["missing"], story["received"]) == ([], list(range(1, 121)))
    assert story["recovered"] is True


async def test_somebody_on_telegram_gets_everything_once_and_in_order(home: Home, stack: Stack) -> None:
    story = (
        await home.run("demo", "telegram", "--json", "--deadline", "60", PARLEY_SIMULATOR_URL=simulator_of(stack))
    ).json
    assert story["missing"] == []
    assert [one["text"] for one in story["sent"]] == story["arrived"]
    assert story["seen"] == ["On my way", "❤"]


async def test_one_message_goes_to_two_platforms_and_an_answer_comes_back(home: Home, stack: Stack) -> None:
    story = (
        await home.run("demo", "cross-platform", "--json", "--deadline", "60", PARLEY_SIMULATOR_URL=simulator_of(stack))
    ).json
    assert story["missing"] == []
    assert story["closed_before"] == ["whatsapp", "instagram"]
    rising = {"whatsapp": ["SENT", "DELIVERED", "READ"], "instagram": ["SENT", "READ"]}
    for channel, ranks in rising.items():  # one that a later one has overtaken is not told
        told = [one["status"] for one in story["reached"] if one["channel"] == channel]
        assert (sorted(told, key=ranks.index), told[-1]) == (told, "READ")
    assert story["answer"] == "I'll bring the wine!"


@pytest.mark.parametrize("demo", ["telegram", "cross-platform"])
async def test_without_a_platform_that_demo_is_one_readable_line(home: Home, demo: str) -> None:
    failed = await home.run("demo", demo, PARLEY_SIMULATOR_URL=NOBODY_LISTENS)
    assert (failed.code, failed.out, failed.err.count("\n")) == (2, "", 1)
    assert f"No platform is simulated at {NOBODY_LISTENS}" in failed.err


async def test_somebody_says_where_they_are_reached_and_takes_it_back(home: Home) -> None:
    ana = await home.register(somebody("ana"))
    address = str(5_000_000_000 + secrets.randbelow(10**9))
    assert (await home.run("map", "telegram", address)).out == f"{ana} is reached here and at telegram {address}\n"
    assert (await home.run("whoami", "--json")).json["channels"][0]["address"] == address
    assert (await home.run("map", "telegram", "-", "--json")).json["channels"] == []


async def test_channels_say_what_they_can_do_and_whether_they_are_there(home: Home) -> None:
    await home.register(somebody("ana"))
    found = {one["channel"]: one for one in (await home.run("channels", "list", "--json")).json["items"]}
    assert found["internal"]["configured"]
    assert found["telegram"]["configured"]
    assert (found["telegram"]["text"]["max"], found["telegram"]["status_ceiling"]) == (4096, "SENT")
    assert "no, they do" in (await home.run("channels", "list")).out


async def test_it_explains_itself(home: Home) -> None:
    """Each command's words are looked at where no process has to start for them."""
    assert "Exit codes: 0 done" in (await home.run("--help")).out
    told = await home.run("send", "--help")
    assert (told.code, "Usage: parley send" in told.out) == (0, True)
