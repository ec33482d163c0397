"""What was taken down reaches its endpoint, whatever the endpoint does meanwhile, and with the same id each time."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from libs.common.clock import rfc3339
from libs.common.tests.endpoint import closes, hangs, status
from services.webhooks.outgoing.handlers.sending import AT_ONCE, Policy
from services.webhooks.outgoing.handlers.shapes import PatchRequest, ReplayRequest
from services.webhooks.tests.scene import Scene, until, who

HOUR = timedelta(hours=1)
AT_ONCE_AGAIN = Policy((0.0,) * 20, timedelta(days=5))


async def test_ten_hours_later_another_worker_makes_the_attempt(scene: Scene) -> None:
    scene.policy = replace(scene.policy, schedule_s=(9 * 3600.0,))
    there = await scene.endpoint()
    there.then.append(status(500))
    async with scene.worker() as made:
        hook = await scene.register(made, scene.ana, there)
        await scene.tell(made)
        waits = await scene.until_log(made, hook, "pending")
        assert waits.status_code == 500
        assert waits.next_attempt_at
    scene.clock.ahead = 10 * HOUR
    async with scene.worker() as made:
        done = await scene.until_log(made, hook, "delivered", 2)
    first, second = there.heard
    assert first.id == second.id == done.delivery_id
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 36_000
    assert [attempt.status_code for attempt in done.attempts] == [500, 200]
    assert done.next_attempt_at is None


async def test_who_fails_now_and_then_gets_every_event(scene: Scene) -> None:
    scene.policy = AT_ONCE_AGAIN
    there = await scene.endpoint()
    there.then.extend([status(503), closes, status(200), status(404)] * 4)
    async with scene.worker() as made:
        hook = await scene.register(made, scene.ana, there, events=["message.sent"])
        ids = await scene.tell(made, 8)
        log = await scene.until_delivered(made, hook, 8)
    assert sorted(d.data["message_id"] for d in log) == sorted(ids)
    assert all(count >= 1 for count in Counter(one.id for one in there.heard).values())
    assert {one.id for one in there.heard} == {d.delivery_id for d in log}
    assert "failing_since" not in await made.sending.endpoints.find(hook.webhook_id)


async def test_after_its_attempts_an_event_has_failed_and_may_be_sent_again_by_hand(scene: Scene) -> None:
    scene.policy = replace(AT_ONCE_AGAIN, schedule_s=(0.0, 0.0))
    there = await scene.endpoint()
    there.then.extend([closes] * 3)
    async with scene.worker() as made:
        hook = await scene.register(made, scene.ana, there)
        await scene.tell(made)
        failed = await scene.until_log(made, hook, "failed", 3)
        assert failed.error
        assert failed.error.code == "broken_off"
        await made.log.redeliver(who(scene.ana), hook.webhook_id, failed.delivery_id)
        done = await scene.until_log(made, hook, "delivered", 4)
    assert {one.id for one in there.heard} == {done.delivery_id}
    assert done.attempt_count == 4


async def test_410_disables_and_operators_are_told(scene: Scene) -> None:
    there, watching = await scene.endpoint(), await scene.endpoint()
    there.answer = status(410)
    async with scene.worker() as made:
        await scene.register(made, scene.cy, watching, scope="all", events=["webhook.disabled"])
        hook = await scene.register(made, scene.ana, there)
        await scene.tell(made)
        await watching.until_heard(1)
        await until(lambda: not getattr(made.sending.directory.find(hook.webhook_id), "enabled", True))
        shown = await made.registering.show(who(scene.ana), hook.webhook_id)
        await scene.tell(made)
        log = await scene.log(made, hook)
    assert shown.disabled
    assert (shown.enabled, shown.disabled.reason) == (False, "gone")
    assert [d.status for d in log] == ["skipped", "failed"]
    data = watching.heard[0].event["data"]
    assert (data["webhook_id"], data["owner"], data["reason"]) == (hook.webhook_id, scene.ana, "gone")
    assert len(there.heard) == 1


async def test_who_has_failed_for_five_days_is_disabled_and_what_came_meanwhile_can_be_replayed(scene: Scene) -> None:
    there = await scene.endpoint()
    there.then.extend([status(500)] * 2)
    async with scene.worker() as made:
        hook = await scene.register(made, scene.ana, there)
        since = rfc3339(scene.clock())
        await scene.tell(made)
        await scene.until_log(made, hook, "pending")
        async with asyncio.timeout(60):
            while not (await made.registering.show(who(scene.ana), hook.webhook_id)).failing_since:
                await asyncio.sleep(0.02)
        scene.clock.ahead = timedelta(days=5, minutes=1)
    async with scene.worker() as made:
        await scene.until_log(made, hook, "skipped", 2)
        await scene.tell(made)
        await made.registering.change(who(scene.ana), hook.webhook_id, PatchRequest(enabled=True))
        asked = ReplayRequest(since=since, until=rfc3339(scene.clock() + HOUR), events=["message.sent"])
        await made.log.replay(who(scene.ana), hook.webhook_id, asked)
        await there.until_heard(4)
        await scene.until_delivered(made, hook, 2)
    assert len({one.id for one in there.heard}) == 2


async def test_who_asks_for_a_pause_hears_nothing_until_it_is_over(scene: Scene) -> None:
    there = await scene.endpoint()
    there.then.append(status(429, Retry_After="3600"))
    async with scene.worker() as made:
        hook = await scene.register(made, scene.ana, there)
        await scene.tell(made)
        await scene.until_log(made, hook, "pending")
        await scene.tell(made, 3)
        other = await scene.endpoint()
        await scene.register(made, scene.bo, other)
        await scene.tell(made)
        await other.until_heard(1)
        assert len(there.heard) == 1
    scene.clock.ahead = HOUR + timedelta(seconds=1)
    async with scene.worker():
        await there.until_heard(6)
    assert len({one.id for one in there.heard}) == 5


async def test_who_hangs_holds_up_nobody_else_and_few_of_our_calls(scene: Scene) -> None:
    scene.timeout_s = 600  # whom we give up we call again, and the dead one does not hear that we did
    dead, well = await scene.endpoint(), await scene.endpoint()
    dead.answer = hangs
    async with scene.worker() as made:
        await scene.register(made, scene.ana, dead, events=["message.sent"])
        await scene.register(made, scene.bo, well)
        for round_ in (1, 2, 3):
            await scene.tell(made, 10)
            await well.until_heard(10 * round_)
        await dead.until_heard(1)
    assert 1 <= dead.most_open <= AT_ONCE


async def test_a_replay_sends_all_of_a_range_once_more_and_nothing_beyond_it(scene: Scene) -> None:
    there = await scene.endpoint()
    async with scene.worker() as made:
        hook = await scene.register(made, scene.ana, there, events=["message.sent"])
        await scene.tell(made, 3)
        await scene.until_delivered(made, hook, 3)
        begin, scene.clock.ahead = rfc3339(scene.clock() + HOUR), 2 * HOUR
        await scene.tell(made, 2)
        await scene.until_delivered(made, hook, 5)
        asked = ReplayRequest(since=begin, until=rfc3339(scene.clock() + HOUR))
        await made.log.replay(who(scene.ana), hook.webhook_id, asked)
        await there.until_heard(7)
        await scene.until_delivered(made, hook, 5)
    ids = [one.id for one in there.heard]
    assert sorted(Counter(ids).values()) == [1, 1, 1, 2, 2]
    assert {*ids[3:5]} == {*ids[5:]}


async def test_of_a_message_that_was_taken_back_the_content_is_not_told(scene: Scene) -> None:
    there = await scene.endpoint()
    async with scene.worker(sends=False) as made:
        await scene.register(made, scene.bo, there)
        (message,) = await scene.tell(made, text="secret")
        taken_back = {"$set": {"payload": {"type": "text", "text": ""}}}
        await scene.database["messages"].update_one({"_id": message}, taken_back)
    async with scene.worker():
        await there.until_heard(1)
    assert there.heard[0].event["data"]["payload"] == {"type": "text", "text": ""}


async def test_pages_of_the_log_hold_each_delivery_once(scene: Scene) -> None:
    there = await scene.endpoint()
    async with scene.worker(sends=False) as made:
        hook = await scene.register(made, scene.ana, there, events=["message.sent"])
        ids = await scene.tell(made, 5)
        seen, cursor = [], None
        for _ in range(3):
            page = await made.log.page(who(scene.ana), hook.webhook_id, 2, cursor)
            seen += [d.data["message_id"] for d in page.items]
            cursor = page.next_cursor
        assert cursor is None
        assert sorted(seen) == sorted(ids)
        assert seen[-1] == ids[0]
