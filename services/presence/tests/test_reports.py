"""A device's reports are merged, bounded, and told before it is let go."""

import asyncio
from uuid import uuid4

from libs.common.errors import Problem, not_found
from libs.common.events import ReceiptStatus
from services.presence.reports import AT_ONCE, NOTED, Reports


class Listener:
    """Hears reports one round at a time: a round goes on when `gate` is open."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, ReceiptStatus, int]] = []
        self.problems: list[Problem] = []
        self.gate = asyncio.Event()
        self.most_at_once = 0
        self._at_once = 0

    async def hear(self, conversation_id: str, status: ReceiptStatus, number: int) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await self.gate.wait()
        self._at_once -= 1
        if number < 0:
            raise not_found("conversation")
        self.heard.append((conversation_id, status, number))


async def test_a_flood_is_told_in_small_rounds_and_holds_up_the_one_who_floods() -> None:
    listener = Listener()
    reports = Reports(listener.hear, listener.problems.append)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reports.run())
        flood = tasks.create_task(_note(reports, 3 * NOTED))
        for _ in range(10 * NOTED):
            await asyncio.sleep(0)
        assert not flood.done()
        listener.gate.set()
        await flood
        await reports.told()
        running.cancel()
    assert len(listener.heard) == 3 * NOTED
    assert listener.most_at_once == AT_ONCE


async def test_what_is_noted_meanwhile_becomes_one_and_a_refusal_stops_nothing() -> None:
    listener = Listener()
    reports = Reports(listener.hear, listener.problems.append)
    for number in (3, 9, 5):
        await reports.note("c", "DELIVERED", number)
    await reports.note("c", "READ", 4)
    await reports.note("d", "READ", -1)
    listener.gate.set()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reports.run())
        await reports.told()
        running.cancel()
    assert sorted(listener.heard) == [("c", "DELIVERED", 9), ("c", "READ", 4)]
    assert [p.code for p in listener.problems] == ["not_found"]


async def _note(reports: Reports, count: int) -> None:
    for _ in range(count):
        await reports.note(str(uuid4()), "DELIVERED", 1)
