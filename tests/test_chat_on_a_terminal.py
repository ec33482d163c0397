"""Two people who talk by `parley chat`, each on a terminal: what they see, and how they leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.command import Home, Terminal, pair
from tests.conftest import Chat

CTRL_C, CTRL_D, ENTER, BACKSPACE = "\x03", "\x04", "\r", "\x7f"


async def test_a_line_appears_at_the_other_side_and_its_ticks_tell_how_far_it_is(home: Home) -> None:
    ana, ben = await pair(home)
    async with home.terminal("chat", ben, "--as", ana) as mine:
        await mine.shows(f"{ana}> ")
        mine.press(f"hello \x1b[Aben{ENTER}")
        await mine.shows(f"{ana}  hello ben ✓\\s")
        async with home.running("tail", "--as", ben):
            await mine.shows(f"{ana}  hello ben ✓✓")
        await mine.shows(r"90m✓✓", raw=True)
        async with home.terminal("chat", ana, "--as", ben) as theirs:
            await theirs.shows(f"{ana}  hello ben")
            await mine.shows(r"36m✓✓", raw=True)
            async with typing(theirs, "so long"):
                await mine.shows(f"{ben} is typing…")
            theirs.press(ENTER)
            await mine.shows(f"{ben}  so long")
            await theirs.shows(r"36m✓✓", raw=True)
            theirs.press(CTRL_D)
            assert await theirs.ended() == 0
        mine.press(f"not sent{CTRL_C}{CTRL_C}")
        assert await mine.ended() == 0
    said = (await home.run("history", ben, "--as", ana, "--json")).json["items"]
    assert [m["payload"]["text"] for m in said] == ["hello ben", "so long"]
    assert {m["status"] for m in said} == {"READ"}


async def test_what_is_typed_in_haste_before_leaving_is_sent_in_order(home: Home) -> None:
    ana, ben = await pair(home)
    async with home.terminal("chat", ben, "--as", ana) as mine:
        await mine.shows(f"{ana}> ")
        mine.press("".join(f"text {n}{ENTER}" for n in range(20)) + CTRL_D)
        assert await mine.ended() == 0
    said = await home.history(ben, "--as", ana, count=20)
    assert [m["payload"]["text"] for m in said] == [f"text {n}" for n in range(20)]


async def test_a_chat_outlives_the_server_of_its_socket(chat: Chat, home: Home) -> None:
    ana, ben = await pair(home)
    async with home.terminal("chat", ben, "--as", ana) as mine, home.terminal("chat", ana, "--as", ben) as theirs:
        await mine.shows(f"{ana}> ")
        await theirs.shows(f"{ben}> ")
        chat.kill("presence")
        mine.press(f"one{ENTER}")
        await mine.shows("not connected, again in|connected again")
        mine.press(f"two{ENTER}")
        await theirs.shows(f"{ana}  one.*\\r\\n.*{ana}  two")
        await mine.shows(f"{ana}  one ✓✓.*\\r\\n.*{ana}  two ✓✓")
        await mine.shows(f"{ben} is online")
    said = (await home.run("history", ben, "--as", ana, "--json")).json["items"]
    assert [m["payload"]["text"] for m in said] == ["one", "two"]


async def test_what_others_write_does_not_steer_the_terminal(home: Home) -> None:
    ana, ben = await pair(home)
    await home.run("send", ben, "--as", ana, "\x1b[2J\x1b]0;mine now\x07 done")
    async with home.terminal("chat", ana, "--as", ben) as theirs:
        await theirs.shows(f"{ana}  ␛\\[2J␛\\]0;mine now␇ done")


@asynccontextmanager
async def typing(terminal: Terminal, text: str) -> AsyncIterator[None]:
    """This stands in their line; until the block ends they go on, for it is shown for a moment each time, or lost."""

    async def go_on() -> None:
        while True:
            await asyncio.sleep(0.5)
            terminal.press(f" {BACKSPACE}")

    terminal.press(text)
    going_on = asyncio.create_task(go_on())
    try:
        yield
    finally:
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)
