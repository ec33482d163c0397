"""A file that somebody sends on a platform becomes a file message, once; or a text that says its name, and why."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from connectors import sdk
from connectors.sdk import Arrived, Attachment, Refused, Sender, Throttled, Unreachable
from libs.common.errors import Retry
from libs.common.events import AttachedFile, InboundEvent, SentFile, Text
from services.router.attached import edited, kept, not_kept
from services.router.handlers import Attaching
from services.router.handlers.attaching import OURS_S, PLATFORM_S
from services.router.inbound import Place, Told
from services.router.keeping import FileKeeper
from services.router.tests.platform import MOST, Bot
from services.router.tests.shelf import Shelf

KEY = "0199a5c4-7d1e-5c3a-9b52-3f1c0d2e4a10"
SENDER = Sender("42", "Tea")
EVENT = InboundEvent(channel="telegram", account="main", address="42", provider_id="1", body=b"", at="")
PLACE = Place("a-conversation", "telegram:42")
CONTENT = b"soup, bread, tea\n" * 10


@dataclass
class Desk:
    shelf: Shelf = field(default_factory=Shelf)
    bot: Bot = field(default_factory=lambda: Bot(httpx.AsyncClient()))

    async def attach(self, what: Attachment, waited_s: float = 0.0) -> SentFile | Text:
        account = ("telegram", "main")
        keeper = FileKeeper(self.shelf.http, "http://files/", self.shelf.token)
        attaching = Attaching({account: self.bot}, {account: MOST}, keeper)
        arrived = Arrived(provider_id="1", address="42", external_id="42/3", sender=SENDER, content=what)
        payload = await attaching.attach(Told(EVENT, arrived), what, KEY, PLACE, waited_s)
        assert isinstance(payload, SentFile | Text)
        return payload


def menu(size: int | None = None, caption: str | None = None) -> Attachment:
    return Attachment("menu", "menu.txt", "text/plain", size, caption)


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.bot.files["menu"] = CONTENT
    return made


async def test_it_is_fetched_and_handed_over_with_who_sent_it_where(desk: Desk) -> None:
    payload = await desk.attach(menu(caption="Today"))
    assert isinstance(payload, SentFile)
    assert (payload.caption, payload.file.filename, payload.file.size) == ("Today", "menu.txt", len(CONTENT))
    said = desk.shelf.kept[KEY]
    assert (said["owner"], said["conversation_id"], said["content_type"]) == (*reversed(_told(PLACE)), "text/plain")


def _told(place: Place) -> tuple[str, str]:
    return place.conversation_id, place.sender


async def test_what_is_there_already_is_not_fetched_again(desk: Desk) -> None:
    first = await desk.attach(menu())
    assert await desk.attach(menu()) == first
    assert desk.bot.opened == ["menu"]


async def test_what_is_said_to_be_too_large_is_not_even_asked_for(desk: Desk) -> None:
    payload = await desk.attach(menu(MOST + 1, caption="Today"))
    assert payload == Text("[menu.txt: it is too large to be taken over]\nToday")
    assert desk.bot.opened == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (bytes(MOST + 1), "it is too large to be taken over"),
        (b"", "it is empty"),
        (Refused("too_large", "file is too big"), "it is too large to be taken over"),
        (Refused("not_found", "gone"), "the platform does not have it any more"),
        (Refused("bad_request", "wrong file_id"), "it could not be taken over"),
    ],
)
async def test_what_the_platform_does_not_hand_out_arrives_as_a_text_that_says_why(
    desk: Desk, found: Any, words: str
) -> None:
    desk.bot.files["menu"] = found
    assert await desk.attach(menu()) == Text(f"[menu.txt: {words}]")
    assert desk.shelf.kept == {}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (422, "content_type_not_allowed", "files of this type are not taken"),
        (413, "quota_exceeded", "there is no room left for files of its sender"),
        (422, "file_infected", "a scanner found something in it, and nobody gets it"),
        (422, "something_new", "it could not be taken over"),
    ],
)
async def test_what_is_not_taken_here_arrives_as_a_text_that_says_why(
    desk: Desk, status: int, code: str, words: str
) -> None:
    desk.shelf.answer = status, {"code": code}
    assert await desk.attach(menu()) == Text(f"[menu.txt: {words}]")


async def test_an_infected_one_that_was_found_meanwhile_is_told_too(desk: Desk) -> None:
    found = {"file_id": KEY, "status": "quarantined", "filename": "menu.txt", "size": 1, "content_type": "text/plain"}
    desk.shelf.kept[KEY] = {**found, "sha256": "0" * 64, "error": {"code": "file_infected", "detail": "…"}}
    assert await desk.attach(menu()) == Text("[menu.txt: a scanner found something in it, and nobody gets it]")


@pytest.mark.parametrize("failure", [Unreachable("ConnectError"), TimeoutError()])
async def test_a_platform_that_is_away_is_asked_again_for_some_time(desk: Desk, failure: Exception) -> None:
    desk.bot.files["menu"] = failure
    with pytest.raises(Retry):
        await desk.attach(menu(), waited_s=PLATFORM_S)
    payload = await desk.attach(menu(), waited_s=PLATFORM_S + 1)
    assert payload == Text("[menu.txt: the platform did not hand it out in time]")


async def test_a_platform_is_given_the_time_that_it_asks_for(desk: Desk) -> None:
    desk.bot.files["menu"] = Throttled(77)
    with pytest.raises(Retry) as caught:
        await desk.attach(menu(), waited_s=PLATFORM_S + 1)
    assert caught.value.after_s == 77


@pytest.mark.parametrize("answer", [(503, {"code": "unavailable"}), (401, {"code": "unauthenticated"}), (429, {})])
async def test_our_own_service_is_waited_for_much_longer(desk: Desk, answer: tuple[int, dict[str, Any]]) -> None:
    desk.shelf.answer = answer
    with pytest.raises(Retry):
        await desk.attach(menu(), waited_s=OURS_S)
    assert await desk.attach(menu(), waited_s=OURS_S + 1) == Text("[menu.txt: it could not be stored in time]")


async def test_one_that_is_still_verified_is_asked_for_again(desk: Desk) -> None:
    desk.shelf.answer = 202, {}
    with pytest.raises(Retry):
        await desk.attach(menu())


async def test_many_at_once_are_fetched_a_few_at_a_time(desk: Desk) -> None:
    keeper = FileKeeper(desk.shelf.http, "http://files", desk.shelf.token)
    account = ("telegram", "main")
    attaching = Attaching({account: desk.bot}, {account: MOST}, keeper, asyncio.Semaphore(1))
    arrived = Arrived(provider_id="1", address="42", external_id="42/3", sender=SENDER, content=menu())
    each = [attaching.attach(Told(EVENT, arrived), menu(), f"{n}{KEY[1:]}", PLACE, 0.0) for n in range(5)]
    assert all(isinstance(payload, SentFile) for payload in await asyncio.gather(*each))


FILE = AttachedFile("menu.txt", 7, "text/plain", "0" * 64)


def test_a_new_caption_leaves_the_file_as_it_is() -> None:
    stored = kept(menu(7, "Today"), KEY, FILE)
    assert edited(stored, menu(7, "Tomorrow")) == SentFile(file_id=KEY, caption="Tomorrow", file=FILE)
    assert edited(stored, menu(None)) == SentFile(file_id=KEY, file=FILE)


def test_another_file_has_to_be_fetched() -> None:
    assert edited(kept(menu(7), KEY, FILE), menu(8)) is None
    assert edited(not_kept(menu(7), "too_large"), menu(7)) is None
    assert edited(Text("helo"), sdk.Text("hello")) == Text("hello")


def test_names_and_captions_that_are_too_long_are_cut() -> None:
    long = Attachment("menu", "m" * 2_000, "text/plain", 1, "c" * 5_000)
    assert len(not_kept(long, "too_large").text) == 4_096
    assert len(kept(long, KEY, FILE).caption or "") == 1_024
