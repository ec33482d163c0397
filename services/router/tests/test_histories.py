"""Owners that die and zombies that wake up, at random: what stands in the end is what one careful writer had made."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from libs.common.bus import Handler, Record
from libs.common.events import ReceiptStatus, encode
from libs.common.marks import Marks
from libs.common.receipts import read_marks
from services.router.tests.scene import Scene, message, receipt, record

LENGTH = 60
SEEDS = range(6)


async def live(dice: random.Random, log: Sequence[Record], handlers: list[Handler]) -> None:
    """The last handler owns the partition; another one, fenced or not, works on what it polled before."""
    committed = done = 0
    while committed < len(log):
        owner, zombie = handlers[-1], dice.choice(handlers)
        end = min(committed + dice.randint(1, 8), len(log))
        start = dice.randint(0, done)
        polled = log[start : start + dice.randint(1, 8)]
        batches = [owner.handle(log[committed:end])]
        if zombie is not owner:
            batches.append(zombie.handle(polled))
            done = max(done, start + len(polled))
        await asyncio.gather(*batches)
        done = max(done, end)
        if dice.random() < 0.6:
            committed = end
            await owner.checkpoint()
        else:
            handlers.append(handlers.pop(0))
            handlers[-1].forget()


@pytest.mark.parametrize("seed", SEEDS)
async def test_messages_stand_once_numbered_in_the_order_of_their_first_record(scene: Scene, seed: int) -> None:
    dice = random.Random(seed)
    await scene.connect(scene.bo)
    events = [encode(message(scene.conversation, scene.ana, f"text {n}")) for n in range(LENGTH)]
    log = [record(event) for n, event in enumerate(events) for event in (event, dice.choice(events[: n + 1]))]
    await live(dice, log, [scene.messages() for _ in range(3)])
    assert await scene.stored() == [(n + 1, f"text {n}") for n in range(LENGTH)]
    assert {p.sequence_number for p in await scene.feed(scene.bo)} == set(range(1, LENGTH + 1))


@pytest.mark.parametrize("seed", SEEDS)
async def test_watermarks_stand_at_the_highest_that_was_reported(scene: Scene, seed: int) -> None:
    dice = random.Random(seed)
    await scene.messages().handle(scene.texts(*map(str, range(LENGTH))))
    statuses: list[ReceiptStatus] = ["DELIVERED", "READ"]
    said = [(dice.choice(statuses), dice.randint(1, n + 5)) for n in range(LENGTH)]
    log = [receipt(scene.conversation, scene.bo, *one) for one in said]
    await live(dice, log, [scene.receipts() for _ in range(3)])
    expected = Marks()
    for status, number in said:
        expected = expected.advanced(status, min(number, LENGTH))
    member = (scene.conversation, scene.bo)
    assert await read_marks(scene.database, [member]) == {member: expected}
    assert await logged(scene, "READ") == set(range(1, expected.read + 1))


async def logged(scene: Scene, status: ReceiptStatus) -> set[int]:
    """The numbers that some entry of the log covers."""
    found = scene.database["receipts"].find(
        {"conversation_id": scene.conversation, "username": scene.bo, "status": status}
    )
    return {n async for d in found for n in range(d["from_number"], d["to_number"] + 1)}
