"""What the bus tells is taken down once for each webhook that may hear it, and for no other."""

import pytest

from libs.common.bus import Record
from libs.common.errors import Unavailable
from libs.common.events import FILE_EVENTS, STATUS_EVENTS, FileEvent, encode
from libs.common.tests.endpoint import Endpoint
from services.webhooks.outgoing.domain.occurrences import TOGETHER
from services.webhooks.outgoing.handlers.shapes import PatchRequest
from services.webhooks.tests.scene import Scene, who

HOOK = Endpoint(url="http://127.0.0.1:9/hooks")


async def test_everybody_hears_of_what_is_theirs_and_operators_of_all(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        hooks = {name: (await scene.register(made, name, HOOK)).webhook_id for name in (scene.ana, scene.bo, scene.dee)}
        everything = (await scene.register(made, scene.cy, HOOK, scope="all")).webhook_id
        message = await scene.message(scene.ana, scene.bo)
        await made.statuses.handle([scene.stored(message, scene.ana, 1), scene.read(scene.bo, 1, 1)])
        told = {(row["webhook_id"], row["type"]) for row in await scene.rows()}
        assert told == {
            (hooks[scene.ana], "message.sent"),
            (hooks[scene.ana], "message.read"),
            (hooks[scene.bo], "message.received"),
            *((everything, kind) for kind in ("message.sent", "message.read", "message.received")),
        }


async def test_who_is_no_operator_any_more_hears_of_nobody(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        await scene.register(made, scene.cy, HOOK, scope="all")
        await scene.registry.delete(f"/parley/operators/{scene.cy}")
        directory = made.sending.directory
        while scene.cy in directory._operators:
            await made.checks["etcd"]()
        await scene.tell(made)
        assert await scene.rows() == []


async def test_what_is_told_twice_is_taken_down_once_and_only_what_was_asked_for(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        await scene.register(made, scene.ana, HOOK, events=["message.delivered", "message.read"])
        for _ in range(3):
            await scene.message(scene.ana, scene.bo)
        for _ in range(2):
            await made.statuses.handle([scene.read(scene.bo, 1, 2)])
        await made.statuses.handle([scene.read(scene.bo, 2, 3)])
        rows = await scene.rows()
        assert sorted(row["data"]["sequence_number"] for row in rows) == [1, 2, 3]
        assert {row["_id"] for row in rows} == {row["_id"] for row in await scene.rows(status="pending")}
        (lane,) = await scene.rows("webhook_lanes")
        assert lane["_id"] == rows[0]["webhook_id"]


async def test_what_happens_while_it_is_disabled_waits_for_nothing_and_stays(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        hook = await scene.register(made, scene.ana, HOOK)
        await made.registering.change(who(scene.ana), hook.webhook_id, PatchRequest(enabled=False))
        await scene.tell(made)
        assert [row["status"] for row in await scene.rows()] == ["skipped"]
        assert await scene.rows("webhook_lanes") == []


async def test_a_completed_file_is_told_to_its_owner(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        await scene.register(made, scene.ana, HOOK)
        for owner in (scene.ana, scene.bo):
            event = FileEvent(
                file_id=f"of-{owner}", owner=owner, status="completed", filename="a.png", size=7,
                content_type="image/png", at="2026-11-21T10:15:30.123Z",
            )  # fmt: skip
            await made.files.handle([Record(FILE_EVENTS, 0, 0, b"", encode(event))])
        assert [row["data"]["file_id"] for row in await scene.rows()] == [f"of-{scene.ana}"]


async def test_rubbish_is_rejected_and_keeps_nothing_else_back(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        await scene.register(made, scene.ana, HOOK)
        message = await scene.message(scene.ana, scene.bo)
        rubbish = [Record(STATUS_EVENTS, 0, 7, b"", value) for value in (b"{", b'{"version": 2}', b"\xff")]
        rejected = await made.statuses.handle([*rubbish, scene.stored(message, scene.ana, 1)])
        assert [one.record for one in rejected] == rubbish
        assert len(await scene.rows()) == 1


@pytest.mark.parametrize(("first", "last"), [(1, 10**12), (-(10**12), 2), (1, 2**63), (0, 2)])
async def test_a_range_of_what_cannot_be_is_rejected_at_once_and_keeps_nothing_else_back(
    scene: Scene, first: int, last: int
) -> None:
    async with scene.worker(sends=False) as made:
        await scene.register(made, scene.ana, HOOK, events=["message.read"])
        for _ in range(2):
            await scene.message(scene.ana, scene.bo)
        absurd = scene.read(scene.bo, first, last)
        rejected = await made.statuses.handle([absurd, scene.read(scene.bo, 1, 2)])
        assert [(one.record, one.reason) for one in rejected] == [(absurd, "impossible_range")]
        assert sorted(row["data"]["sequence_number"] for row in await scene.rows()) == [1, 2]


async def test_a_long_range_is_told_whole(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        await scene.register(made, scene.ana, HOOK, events=["message.read"])
        scene.numbers_from(3 * TOGETHER)
        await scene.message(scene.ana, scene.bo)
        assert await made.statuses.handle([scene.read(scene.bo, 1, 3 * TOGETHER)]) == []
        assert [row["data"]["sequence_number"] for row in await scene.rows()] == [3 * TOGETHER]


async def test_before_etcd_has_told_nothing_is_passed_over(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        fresh = type(made.sending.directory)(scene.registry)
        with pytest.raises(Unavailable):
            fresh.require()
