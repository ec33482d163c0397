"""Phones in a real browser: a person types there and a web user's socket gets it, and the other way round."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser import Page, browser
from tests.conftest import PATIENCE_S, Chat, Person
from tests.mapped import is_known

SEEN = os.environ.get("PARLEY_SCREENSHOTS")
"""A folder that keeps the screenshots of this run."""
CHANNELS = ("telegram", "whatsapp", "messenger", "instagram")
EVIL = '<img src=x onerror="document.title=1"><script>document.title=1</script>'

PLACE = {"type": "location", "latitude": 48.2084, "longitude": 16.3731}
TOLD = {
    "telegram": "li.mine .tick.read",
    "whatsapp": "li.mine .tick.delivered",
    "messenger": "li.mine .mark.delivered",
    "instagram": "li.mine",
}
"""What is at a message that Parley has."""


@dataclass(frozen=True)
class Wall:
    """Phones side by side."""

    page: Page
    folder: Path

    async def add(self, channel: str, name: str) -> str:
        """A new phone, by hand; its address."""
        await self.page.click(f"#channels [value={channel}]")
        await self.page.fill("#name", name)
        await self.page.press("Enter")
        return str(await self.page.until(f"document.querySelector('.phone[data-channel={channel}]')?.dataset.address"))

    async def write(self, address: str, text: str) -> None:
        await self.page.fill(f"[data-address='{address}'] .text", text)
        await self.page.press("Enter")

    async def shows(self, address: str, text: str, whose: str) -> None:
        found = json.dumps(f"[data-address='{address}'] .{whose} .said")
        await self.page.until(
            f"[...document.querySelectorAll({found})].some(e => e.textContent === {json.dumps(text)})"
        )

    async def has(self, address: str, selector: str) -> None:
        selector = json.dumps(f"[data-address='{address}'] {selector}")
        await self.page.until(f"document.querySelector({selector})")

    async def do(self, address: str, bubble: str, act: str) -> None:
        """What the toolbar of this message offers, which shows where the message has the focus."""
        found = f"[data-address='{address}'] {bubble}"
        await self.page.click(f"{found} [title='{act}']", beside=found)

    async def look(self, name: str) -> None:
        """In both schemes."""
        for scheme in ("light", "dark"):
            await self.page.paint(dark=scheme == "dark")
            await self.page.screenshot(self.folder / f"{name}-{scheme}.png")
        await self.page.paint(dark=False)


@pytest.fixture
async def wall(chat: Chat, tmp_path: Path) -> AsyncIterator[Wall]:
    async with browser(chat.places) as chromium:
        page = await chromium.page(width=1560, height=720)
        await page.open(f"http://127.0.0.1:{chat.processes.ports['simulator']}/phones")
        yield Wall(page, Path(SEEN) if SEEN else tmp_path)
        assert page.real_complaints == []


async def _says_hello(wall: Wall, address: str, channel: str, writer: Person, conversation: str) -> None:
    """Who has written may be written to."""
    await wall.write(address, "Hello?")
    async with asyncio.timeout(PATIENCE_S):
        while channel not in await _open_windows(writer, conversation):
            await asyncio.sleep(0.05)


async def _open_windows(writer: Person, conversation: str) -> set[str]:
    """Telegram has none, so it is always open."""
    windows = (await writer.client.conversation(conversation)).windows or ()
    return {"telegram", *(window.channel for window in windows if window.open)}


async def test_what_one_types_on_a_phone_is_at_the_socket_and_comes_back(chat: Chat, wall: Wall) -> None:
    """On all platforms side by side, and whatever people write is text."""
    leo, mia = await chat.person("leo"), await chat.person("mia")
    conversation = await leo.client.open_conversation([mia.name])
    device, page = await leo.connect(), wall.page
    await page.shows("Add a phone")
    for channel in CHANNELS:
        address = await wall.add(channel, "mia")
        await page.shows(f"./parley map {channel} {address}")
        await mia.client.map_channel(channel, address)
        await is_known(chat, mia.name, channel)
        await _says_hello(wall, address, channel, leo, conversation.conversation_id)
        await leo.client.send(conversation.conversation_id, "Coffee at six?", channels=[channel])
        await wall.shows(address, "Coffee at six?", "theirs")
        await wall.write(address, f"On my way {EVIL}")
        await wall.shows(address, f"On my way {EVIL}", "mine")
    await device.until(2 * len(CHANNELS))
    said = [m.text for m in device.messages if m.sender == mia.name]
    assert said == [f"On my way {EVIL}"] * len(CHANNELS)
    assert await page.ask("document.querySelectorAll('.phone img, .phone script').length") == 0
    assert (await page.ask("document.title")).endswith("Phones")


async def test_phones_show_what_their_platforms_show(chat: Chat, wall: Wall) -> None:
    """Ticks, replies, places, reactions, edits, and nothing while they are off; the pictures of the documents."""
    leo, mia = await chat.person("leo"), await chat.person("mia")
    conversation = (await leo.client.open_conversation([mia.name])).conversation_id
    await wall.page.shows("Add a phone")
    for channel in CHANNELS:
        address = await wall.add(channel, "mia")
        await mia.client.map_channel(channel, address)
        await is_known(chat, mia.name, channel)
        await _says_hello(wall, address, channel, leo, conversation)
        await leo.client.send(conversation, "Coffee at six?", channels=[channel])
        await wall.shows(address, "Coffee at six?", "theirs")
        await wall.do(address, "li.theirs", "Reply")
        await wall.write(address, "Yes! Where was it?")
        await wall.has(address, "li.mine .quote")
        await wall.has(address, TOLD[channel])
        if channel != "whatsapp":
            await wall.do(address, "li.mine:has(.quote)", "Edit")
            await wall.write(address, "Yes! Where was it again?")
            await wall.shows(address, "Yes! Where was it again?", "mine")
        await leo.client.send(conversation, payload=PLACE, channels=[channel])
        await wall.has(address, "li.theirs a[href*='48.208']")
    await wall.look("phones")
    await _is_off(wall, address)
    await leo.client.send(conversation, "Still there?", channels=["instagram"])
    await wall.page.click(f"[data-address='{address}'] .on")
    await wall.shows(address, "Still there?", "theirs")
    await wall.do(address, "li.theirs:last-child", "React with 👍")
    await wall.has(address, "li.theirs .reactions")
    await wall.do(address, "li.mine", "Unsend")
    await wall.has(address, "li.mine .gone")


async def _is_off(wall: Wall, address: str) -> None:
    await wall.page.click(f"[data-address='{address}'] .on")
    await wall.has(address, ".text:disabled")
