"""What people take back is gone here as well: its words, its file, and whatever comes of it later."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from libs.common.events import encode
from libs.common.mongo import Document
from services.router.tests.platform import IDS, Outside, said, sent, taken_back
from services.router.tests.scene import Scene, record

LANE = "telegram/main/42"
THEIRS = IDS.of("telegram", "main", "42/3")
SECRET = "my number is 5"


@pytest.fixture
async def outside(scene: Scene) -> AsyncIterator[Outside]:
    """Ana, whose inbox it is, is connected."""
    await scene.connect(scene.ana)
    async with httpx.AsyncClient(timeout=60) as http:
        made = Outside(scene, http, inbox=scene.ana)
        made.bot.files["menu"] = b"soup, bread, tea"
        yield made


async def store(outside: Outside, count: int = 1) -> None:
    await outside.scene.messages().handle([record(encode(event)) for event in await outside.published(count)])


async def stored(outside: Outside) -> Document | None:
    found: Document | None = await outside.scene.database["messages"].find_one({"_id": THEIRS})
    return found


async def unsent(outside: Outside) -> list[str]:
    """The messages of which sockets are told that they are taken back."""
    frames = [p for p in await outside.scene.feed(outside.scene.ana) if p.kind == "unsent"]
    return [msgspec.json.decode(frame.body)["message_id"] for frame in frames]


async def test_its_words_go_and_sockets_are_told(outside: Outside) -> None:
    await outside.come(said(SECRET, 3))
    await store(outside)
    assert await outside.come(taken_back(3)) == []
    message = await stored(outside)
    assert message
    assert (message["payload"], "unsent_at" in message) == ({"type": "text", "text": "[unsent]"}, True)
    assert SECRET not in str(message)
    assert await unsent(outside) == [THEIRS]


async def test_its_file_goes_first(outside: Outside) -> None:
    await outside.come(sent(3, "menu", caption=SECRET))
    await outside.wait(LANE)
    await store(outside)
    assert list(outside.shelf.kept) == [THEIRS]
    await outside.come(taken_back(3))
    assert await outside.wait(LANE) == [False]
    message = await stored(outside)
    assert message
    assert (message["payload"], outside.shelf.kept) == ({"type": "text", "text": "[unsent]"}, {})


async def test_while_its_file_cannot_go_the_message_says_so_and_others_are_served(outside: Outside) -> None:
    await outside.come(sent(3, "menu"), said("hi", 3, chat=43))
    await outside.wait(LANE)
    await store(outside, 2)
    outside.shelf.answer = (503, {})
    await outside.come(taken_back(3), said("ho", 4, chat=43))
    assert await outside.wait(LANE) == [True]
    await outside.published(3)
    message = await stored(outside)
    assert message
    assert message["payload"]["type"] == "file"
    outside.shelf.answer = None
    assert await outside.wait(LANE) == [False]
    assert outside.shelf.kept == {}


async def test_what_was_taken_back_before_it_came_never_comes(outside: Outside) -> None:
    await outside.come(taken_back(3))
    await outside.come(said(SECRET, 3), said("hi", 4))
    (only,) = await outside.published(1)
    assert "hi" in str(only.payload)
    assert await stored(outside) is None


async def test_a_file_that_is_told_again_is_not_fetched_again(outside: Outside) -> None:
    await outside.come(sent(3, "menu"))
    await outside.wait(LANE)
    await store(outside)
    await outside.come(taken_back(3))
    await outside.wait(LANE)
    await outside.come(sent(3, "menu"))
    assert await outside.wait(LANE) == [False]
    assert (outside.bot.opened, outside.shelf.kept) == (["menu"], {})
