"""The operators' page in a real browser: logged in, looked at, worked with by mouse and by keyboard."""

import json
import os
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.router.operators.page import FOLDER
from tests.browser import Page, browser
from tests.conftest import PASSWORD, Chat, Person
from tests.meta import There
from tests.operators import Desk, grant, poison_update, router_url, send, working

SEEN = os.environ.get("PARLEY_SCREENSHOTS")
"""A folder that keeps the screenshots of this run."""
CARD = "[...document.querySelectorAll('.card')].find(card => card.innerText.startsWith('telegram / main'))"


HOLD_LISTS = """
  window.held = []; window.counts = 0; const real = fetch;
  window.fetch = async (url, ...more) => {
    const answer = await real(url, ...more);
    if (String(url).includes("/dlq/counts")) counts += 1;
    if (String(url).includes("/dlq?")) await new Promise((go) => held.push(go));
    return answer;
  }; null
"""
"""What lists of letters the page asks for by itself comes when the test says so."""


@dataclass(frozen=True)
class Seat:
    desk: Desk
    page: Page
    folder: Path

    async def log_in(self, person: Person, password: str = PASSWORD) -> None:
        await self.page.fill("#login [name=username]", person.name)
        await self.page.fill("#login [name=password]", password)
        await self.page.press("Enter")

    async def sees_a_letter(self) -> str:
        """Logs in, before the list of letters, with a new one in it: its id."""
        mark = secrets.token_hex(6)
        await self.desk.poison(f"not an event {mark}".encode(), mark)
        letter_id = str((await self.desk.op.letter(mark))["id"])
        await self.log_in(self.desk.op.person)
        await self.page.click("nav a[href='#letters']")
        await self.page.until(f"document.querySelector(\"[data-id='{letter_id}']\")")
        return letter_id

    async def look(self, name: str) -> None:
        """In both schemes."""
        for scheme in ("light", "dark"):
            await self.page.paint(dark=scheme == "dark")
            await self.page.screenshot(self.folder / f"{name}-{scheme}.png")
        await self.page.paint(dark=False)

    async def rows(self) -> list[str]:
        """The ids of the letters that are listed."""
        return list(await self.page.ask("[...document.querySelectorAll('#letters [data-id]')].map(r => r.dataset.id)"))


@pytest.fixture
async def desk(chat: Chat) -> AsyncIterator[Desk]:
    async with working(chat) as made:
        yield made


@pytest.fixture
async def seat(desk: Desk, tmp_path: Path) -> AsyncIterator[Seat]:
    folder = Path(SEEN) if SEEN else tmp_path
    async with browser(desk.chat.places) as chromium:
        page = await chromium.page()
        await page.open(f"{router_url(desk.chat)}/operators")
        yield Seat(desk, page, folder)
        assert page.real_complaints == []


async def test_who_may_not_is_told_why_and_who_may_sees_how_channels_fare(seat: Seat) -> None:
    page, eve = seat.page, await seat.desk.chat.person("eve")
    await seat.look("door")
    await seat.log_in(eve, "not the password")
    await page.until("document.querySelector('#login .wrong').textContent.includes('password')")
    await seat.log_in(eve)
    await page.shows(f"parley operators grant {eve.name}")
    refusals, page.complaints[:] = page.complaints[:], []
    assert all(re.search("the server responded with a status of (40|503)", words) for words in refusals)
    await grant(seat.desk.chat, eve.name)
    await seat.log_in(eve)
    await page.until(CARD)
    await _something_goes_wrong(seat.desk)
    await page.until(f"{CARD}.innerText.includes('unreachable')")
    await page.until(f"{CARD}.querySelector('meter').value > 0")
    await seat.look("channels")
    await page.open(await page.ask("location.href"))
    await page.shows("telegram / main")
    await page.click("#logout")
    await page.until("!document.querySelector('#door').hidden")
    assert await page.ask("sessionStorage.length") == 0


async def _something_goes_wrong(desk: Desk) -> None:
    """To one chat, and to another nothing."""
    ana, bo, failing = await desk.chat.pair()
    cy = await desk.chat.person("cy")
    tea, _ = await desk.there.is_reached_by(bo), await desk.there.is_reached_by(cy)
    await desk.there.fault("error", chat=int(tea), status=503, times=2)
    await send(ana, failing, "hi")
    await send(ana, await ana.client.open_conversation([cy.name]), "hi")


async def test_what_letters_say_is_shown_and_never_run(seat: Seat) -> None:
    mark = secrets.token_hex(6)
    evil = f'<img src=x onerror="document.title=1"><script>document.title=1</script>{mark}'
    await seat.desk.poison(evil.encode(), evil)
    letter = await seat.desk.op.letter(mark)
    page = seat.page
    await seat.log_in(seat.desk.op.person)
    await page.click("nav a[href='#letters']")
    await page.click(f"[data-id='{letter['id']}'] button")
    await page.until(f"document.querySelector('#body').value === {json.dumps(evil)}")
    await page.click("#letter summary")
    assert await page.ask("document.querySelectorAll('img[src=x], script:not([src])').length") == 0
    assert await page.ask("document.title") == "Parley: operators"
    await page.press("Escape")
    await page.until("!document.querySelector('dialog[open]')")
    await page.until(f"document.activeElement.closest('[data-id]')?.dataset.id === '{letter['id']}'")
    await page.press("Enter")
    await page.until("document.querySelector('#letter[open]')")


async def test_a_poison_update_is_mended_on_the_page_and_arrives(seat: Seat) -> None:
    poisoned, page = await poison_update(seat.desk), seat.page
    letter_id = poisoned.letter["id"]
    await seat.log_in(seat.desk.op.person)
    await page.click("nav a[href='#letters']")
    await page.click(f"[data-id='{letter_id}'] button")
    await page.until("document.querySelector('#body').value.startsWith('{')")
    await seat.look("letter")
    await page.fill("#body", '{"update_id": 1, "message": {}}')
    await page.click("[name=replay-edited]")
    await page.until("document.querySelector('#letter .wrong').textContent.includes('is nothing that telegram says')")
    page.complaints[:] = [words for words in page.complaints if "422" not in words]
    await page.fill("#body", json.dumps(poisoned.mended))
    await page.click("[name=replay-edited]")
    await page.shows(f"{letter_id}: replayed")
    await poisoned.arrives()


async def test_several_are_dropped_after_a_question_and_the_audit_says_so(seat: Seat) -> None:
    """By the keyboard, but for the selection."""
    ids = []
    for _ in range(3):
        mark = secrets.token_hex(6)
        await seat.desk.poison(f"not an event {mark}".encode(), mark)
        ids.append((await seat.desk.op.letter(mark))["id"])
    page = seat.page
    await seat.log_in(seat.desk.op.person)
    await page.click("nav a[href='#letters']")
    for letter_id in ids:
        await page.click(f"[data-id='{letter_id}'] input")
    await page.shows("3 selected")
    await seat.look("letters")
    await page.ask("document.querySelector('.filter [name=drop]').focus()")
    await page.press("Enter")
    await page.shows("Drop 3 letters?")
    await page.press("Escape")
    await page.until("!document.querySelector('dialog[open]')")
    assert set(ids) <= set(await seat.rows())
    await page.press("Enter")
    await page.shows("Drop 3 letters?")
    await page.fill("#dropping input", "a test of the page")
    await page.press("Tab")
    await page.press("Tab")
    await page.press("Enter")
    await page.shows("3 of 3 settled")
    assert not set(ids) & set(await seat.rows())
    await page.click("nav a[href='#audit']")
    await page.shows("note: a test of the page")
    await seat.look("audit")


async def test_a_question_that_is_asked_again_at_once_has_an_answer_of_its_own(seat: Seat) -> None:
    letter_id, page = await seat.sees_a_letter(), seat.page
    await page.click(f"[data-id='{letter_id}'] input")
    await page.shows("1 selected")
    await page.ask(
        "const drop = document.querySelector('.filter [name=drop]');"
        "drop.click(); document.querySelector('#dropping').close(); drop.click()"
    )
    await page.click("#dropping [value=drop]")
    await page.shows("1 of 1 settled")


async def test_a_list_that_comes_late_takes_no_selection_away(seat: Seat) -> None:
    letter_id, page = await seat.sees_a_letter(), seat.page
    await page.ask(HOLD_LISTS)
    await page.until("held.length > 0")
    await page.click(f"[data-id='{letter_id}'] input")
    await page.shows("1 selected")
    await page.ask("counts = 0; held.forEach(go => go())")
    await page.until("counts > 0")
    await page.shows("1 selected")
    assert await seat.desk.op.settled("/dlq/drop", letter_id) == ["dropped"]


async def test_two_contacts_become_one_person_and_two_again(seat: Seat) -> None:
    desk, page = seat.desk, seat.page
    telegram, messenger = desk.there, There("messenger", desk.chat, desk.there.http)
    tea = str((await telegram.tell("people", {"first_name": "<b>Tea</b>"}))["id"])
    also = await messenger.somebody()
    one, other = f"telegram:{tea}", f"messenger:{also}"
    await telegram.tell(f"people/{tea}/say", {"text": "hi"})
    await messenger.tell(f"people/{also}/say", text="hello")
    await desk.op.contact(one)
    await desk.op.contact(other)
    await seat.log_in(desk.op.person)
    await page.click("nav a[href='#contacts']")
    await page.fill("#contacts [name=address]", tea)
    await page.press("Enter")
    await page.until("document.querySelectorAll('#contacts [data-id]').length === 1")
    await page.click(f"[data-id='{one}'] button")
    await page.shows("<b>Tea</b>")
    await page.fill("#contact [name=other]", other)
    await page.press("Enter")
    await page.shows(f"One person from then on: {one}, {other}.")
    await seat.look("contact")
    await page.click("#contact [name=merge]")
    await page.shows(f"{other}: merged")
    await page.shows(f"Messages go to telegram {tea}, messenger {also}.")
    await page.press("Escape")
    await page.until(f"document.querySelector('#contacts [data-id=\"{other}\"]')?.innerText.includes('{one}')")
    await page.click(f"[data-id='{one}'] button")
    await page.click("#contact article button")
    await page.shows(f"{other}: unmerged")
    await page.until("document.querySelectorAll('#contact article').length === 1")
    page.complaints[:] = [words for words in page.complaints if "404" not in words]  # on the other channels
    assert await desk.actions(other) == [
        ("contacts.show", "shown"),
        ("contacts.merge", "merged"),
        ("contacts.unmerge", "unmerged"),
    ]


async def test_a_session_that_was_ended_elsewhere_asks_for_another(seat: Seat) -> None:
    await seat.log_in(seat.desk.op.person)
    await seat.page.shows("telegram / main")
    ended = await seat.page.ask("JSON.parse(sessionStorage.getItem('parley.operator')).refresh_token")
    await seat.desk.op.person.client.revoke(str(ended))
    await seat.page.shows("The session has ended: log in again.")
    seat.page.complaints.clear()


async def test_the_page_asks_nobody_else_and_is_not_at_the_gateway(desk: Desk) -> None:
    answer = await desk.op.http.get("/operators")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (await desk.op.http.get("/operators/..%2fpage.py")).status_code == 404
    assert (await desk.op.http.post("/operators/session", content=b"username=ana")).status_code == 415
    async with httpx.AsyncClient(base_url=desk.chat.stack.gateway_url, timeout=60) as gateway:
        assert (await gateway.get("/operators")).status_code == 404


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_no_file_of_the_page_names_another_place_or_makes_markup_of_words(file: Path) -> None:
    text = file.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    for forbidden in (
        "http://",
        "https://",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "<style",
        " style=",
    ):
        assert forbidden not in text
