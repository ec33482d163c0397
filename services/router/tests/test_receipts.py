"""Receipts come doubled, late and beyond the end; the log and the marks stay right."""

import pytest

from libs.common.marks import Marks
from libs.common.receipts import read_marks
from services.router.handlers import Heights
from services.router.tests.scene import Scene, receipt


@pytest.fixture
async def three(scene: Scene) -> Scene:
    """Three messages of ana's."""
    await scene.messages().handle(scene.texts("one", "two", "three"))
    return scene


async def marks(scene: Scene) -> Marks:
    member = (scene.conversation, scene.bo)
    return (await read_marks(scene.database, [member]))[member]


async def test_a_receipt_is_exact_at_once_and_in_the_summary_after_the_checkpoint(three: Scene) -> None:
    router = three.receipts()
    await router.handle([receipt(three.conversation, three.bo, "DELIVERED", 2)])
    assert await marks(three) == Marks(delivered=2, read=0)
    assert await three.watermark() is None
    await router.checkpoint()
    assert await three.watermark() == (2, 0)


async def test_a_number_beyond_the_last_is_clamped_and_rises_with_what_comes(three: Scene) -> None:
    router = three.receipts()
    await router.handle([receipt(three.conversation, three.bo, "DELIVERED", 2**62)])
    assert await three.steps() == [("DELIVERED", 1, 3)]
    await three.messages().handle(three.texts("four"))
    await router.handle([receipt(three.conversation, three.bo, "DELIVERED", 4)])
    assert await three.steps() == [("DELIVERED", 1, 3), ("DELIVERED", 4, 4)]


async def test_what_comes_late_or_doubled_moves_nothing(three: Scene) -> None:
    router = three.receipts()
    for number in (3, 1, 3, 2):
        await router.handle([receipt(three.conversation, three.bo, "DELIVERED", number)])
    assert await three.steps() == [("DELIVERED", 1, 3)]
    assert await marks(three) == Marks(delivered=3, read=0)


async def test_a_batch_of_receipts_is_one_entry(three: Scene) -> None:
    await three.receipts().handle([receipt(three.conversation, three.bo, "DELIVERED", n) for n in (1, 2, 3)])
    assert await three.steps() == [("DELIVERED", 1, 3)]


async def test_reading_implies_having(three: Scene) -> None:
    await three.receipts().handle([receipt(three.conversation, three.bo, "READ", 2)])
    assert await marks(three) == Marks(delivered=2, read=2)


async def test_a_redelivery_is_logged_once_and_fed_again(three: Scene) -> None:
    await three.connect(three.ana)
    record = receipt(three.conversation, three.bo, "READ", 3)
    await three.receipts().handle([record])
    await three.receipts().handle([record])
    assert await three.steps() == [("READ", 1, 3)]
    assert [(p.kind, p.sequence_number) for p in await three.feed(three.ana)] == [("receipt", 3)] * 2


async def test_a_strangers_receipt_is_rejected(three: Scene) -> None:
    rejected = await three.receipts().handle([receipt(three.conversation, "eve", "READ", 3)])
    assert [r.reason for r in rejected] == ["not_a_member"]
    assert await three.steps() == []


async def test_what_was_logged_before_a_crash_is_summed_up_after_it(three: Scene) -> None:
    record, router = receipt(three.conversation, three.bo, "READ", 3), three.receipts()
    await three.receipts().handle([record])
    await router.handle([record])
    await router.checkpoint()
    assert await three.watermark() == (3, 3)


async def test_a_late_summary_sets_nothing_back(three: Scene) -> None:
    late, router = three.receipts(), three.receipts()
    await late.handle([receipt(three.conversation, three.bo, "READ", 1)])
    await router.handle([receipt(three.conversation, three.bo, "READ", 3)])
    await router.checkpoint()
    await late.checkpoint()
    assert await three.watermark() == (3, 3)


async def test_what_one_process_has_stored_it_need_not_read_to_clamp_by(three: Scene) -> None:
    heights = Heights()
    await three.messages(heights).handle(three.texts("four"))
    await three.database["messages"].delete_many({"conversation_id": three.conversation})
    await three.receipts(heights).handle([receipt(three.conversation, three.bo, "READ", 4)])
    assert await marks(three) == Marks(delivered=4, read=4)


async def test_what_another_process_has_stored_since_is_read(three: Scene) -> None:
    heights = Heights()
    router = three.receipts(heights)
    await three.messages(heights).handle(three.texts("four"))
    await three.messages().handle(three.texts("five", "six"))
    await router.handle([receipt(three.conversation, three.bo, "DELIVERED", 5)])
    await router.handle([receipt(three.conversation, three.bo, "READ", 99)])
    assert await marks(three) == Marks(delivered=6, read=6)
