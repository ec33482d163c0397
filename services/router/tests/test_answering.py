"""Pressed buttons are answered, as a courtesy: whatever comes of it, nothing else waits."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from connectors.sdk import AnswersPresses, Connector, Refused, Throttled, Unreachable
from services.router.handlers import Answering, answering

ACCOUNT = ("telegram", "main")


@dataclass
class Bot:
    """Fails as it is told, in that order; then it answers."""

    failures: list[Exception] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def answer_press(self, answer: str) -> None:
        self.calls.append(answer)
        if self.failures:
            raise self.failures.pop(0)


async def until_called(bot: Bot, *expected: str) -> None:
    """Each of them is pressed once, and these are the calls that it comes to."""
    desk = Answering({ACCOUNT: cast(Connector, bot)}, pause_s=0.0)
    working = asyncio.create_task(desk.run())
    for press in dict.fromkeys(expected):
        desk.answer(ACCOUNT, press)
    async with asyncio.timeout(60):
        while len(bot.calls) < len(expected):
            await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert sorted(bot.calls) == sorted(expected)


async def test_each_press_is_answered() -> None:
    await until_called(Bot(), "a", "b", "c")


@pytest.mark.parametrize("failure", [Unreachable("ConnectError"), Throttled(3600)])
async def test_one_that_fails_is_tried_again_soon(failure: Exception) -> None:
    await until_called(Bot([failure]), "a", "a")


async def test_one_that_nobody_waits_for_any_more_is_left_and_the_next_is_answered() -> None:
    await until_called(Bot([Refused("bad_request", "query is too old")]), "a", "b")


async def test_a_platform_that_stays_away_is_left_after_some_tries() -> None:
    await until_called(Bot([Unreachable("x")] * answering.TRIES), *["a"] * answering.TRIES)


def test_more_than_can_wait_are_dropped_and_nobody_is_held_up() -> None:
    desk = Answering({})
    for number in range(answering.MOST_WAITING + 5):
        desk.answer(ACCOUNT, str(number))
    assert desk.waiting.qsize() == answering.MOST_WAITING


def test_a_channel_may_leave_it_out() -> None:
    assert isinstance(Bot(), AnswersPresses)
    assert not isinstance(object(), AnswersPresses)
