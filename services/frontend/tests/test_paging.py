"""Whatever the limit, the direction and what arrives in between: no page repeats or leaves out anything."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.common.clock import new_id, now
from libs.common.conversations import record_activity
from libs.common.mongo import Document
from services.frontend.tests.conftest import Caller, Scene

few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
ARRIVALS = st.lists(st.integers(0, 5), max_size=8)  # before each page
LIMITS = st.integers(1, 7)


class History:
    """A conversation of ana's and bo's, to which the router adds."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.id = new_id()
        self.length = 0

    async def begin(self, length: int) -> None:
        members = [self._scene.name("ana"), self._scene.name("bo")]
        await self._scene.database["conversations"].insert_one({"_id": self.id, "members": members})
        await self.grow(length)

    async def grow(self, by: int) -> None:
        """In the order of the numbers, each of them there before the next."""
        if by:
            numbers = range(self.length + 1, self.length + by + 1)
            await self._scene.database["messages"].insert_many(self._message(n) for n in numbers)
        self.length += by

    def _message(self, number: int) -> Document:
        return {
            "_id": new_id(),
            "conversation_id": self.id,
            "sequence_number": number,
            "from": self._scene.name("ana"),
            "to": [self._scene.name("bo")],
            "channels": ["internal"],
            "payload": {"type": "text", "text": str(number)},
            "reply_to": None,
            "metadata": None,
            "created_at": now(),
        }

    async def page(self, reader: Caller, mark: str, query: dict[str, int | str]) -> tuple[list[int], int]:
        answer = await reader.get(f"/v1/conversations/{self.id}/messages", **query)
        assert answer.status_code == 200, answer.text
        return [m["sequence_number"] for m in answer.json()["items"]], answer.json()[mark]


@few
@given(st.integers(0, 12), st.integers(0, 15), ARRIVALS, LIMITS)
async def test_upwards_everything_above_the_start_comes_once_in_order(
    scene: Scene, bo: Caller, length: int, start: int, arrivals: Sequence[int], limit: int
) -> None:
    history = History(scene)
    await history.begin(length)
    since, seen, waiting = start, list[int](), list(arrivals)
    while True:
        await history.grow(waiting.pop() if waiting else 0)
        numbers, since = await history.page(bo, "next_since", {"since": since, "limit": limit})
        assert len(numbers) <= limit
        seen += numbers
        if not numbers and not waiting:
            break
    assert seen == list(range(start + 1, history.length + 1))
    assert since == max(start, history.length)


@few
@given(st.integers(1, 12), st.integers(1, 15), ARRIVALS, LIMITS)
async def test_downwards_everything_below_the_start_comes_once_in_order(
    scene: Scene, bo: Caller, length: int, start: int, arrivals: Sequence[int], limit: int
) -> None:
    history = History(scene)
    await history.begin(length)
    before, seen, waiting = start, list[int](), list(arrivals)
    newest = min(start - 1, length)
    while True:
        numbers, before = await history.page(bo, "next_before", {"order": "desc", "before": before, "limit": limit})
        seen += numbers
        if not numbers:
            break
        await history.grow(waiting.pop() if waiting else 0)
    assert seen == list(range(newest, 0, -1))


@few
@given(st.integers(1, 12), ARRIVALS, LIMITS)
async def test_downwards_from_the_newest_and_upwards_from_there_is_everything(
    scene: Scene, bo: Caller, length: int, arrivals: Sequence[int], limit: int
) -> None:
    history = History(scene)
    await history.begin(length)
    seen, before = await history.page(bo, "next_before", {"order": "desc", "limit": limit})
    since = seen[0]
    for arrived in [*arrivals, 0]:
        await history.grow(arrived)
        older, before = await history.page(bo, "next_before", {"order": "desc", "before": before, "limit": limit})
        newer, since = await history.page(bo, "next_since", {"since": since, "limit": 200})
        seen = newer[::-1] + seen + older
    assert seen == list(range(history.length, history.length - len(seen), -1))


async def test_who_polls_while_messages_arrive_gets_each_once(scene: Scene, bo: Caller) -> None:
    history = History(scene)
    await history.begin(0)

    async def arrive() -> None:
        for by in range(1, 25):
            await history.grow(by)

    async with asyncio.TaskGroup() as tasks:
        arriving = tasks.create_task(arrive())
        seen, since = list[int](), 0
        while True:
            is_last = arriving.done()
            numbers, since = await history.page(bo, "next_since", {"since": since, "limit": 7})
            seen += numbers
            if is_last and not numbers:
                break
    assert seen == list(range(1, 301))


@few
@given(st.integers(1, 9), st.lists(st.integers(0, 8), max_size=6), st.integers(1, 4), st.booleans())
async def test_of_the_list_only_what_becomes_active_in_between_is_left_out(
    scene: Scene, count: int, active: Sequence[int], limit: int, is_one_instant: bool
) -> None:
    """And that is at its front when one asks again; nothing is shown twice."""
    name = f"p{new_id()[-12:]}"
    reader, made, at = await scene.user(name), [new_id() for _ in range(count)], now()
    for place, conversation_id in enumerate(made):
        last_activity = at if is_one_instant else at - timedelta(seconds=place)
        await scene.database["conversations"].insert_one(_group(scene.name(name), conversation_id, last_activity))
    seen, moved, waiting, query = list[str](), set[str](), list(active), {"limit": str(limit)}
    while True:
        page = (await reader.get("/v1/conversations", **query)).json()
        seen += [c["conversation_id"] for c in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        if waiting:
            conversation_id = made[waiting.pop() % count]
            moved.add(conversation_id)
            await record_activity(scene.database, {conversation_id: (len(moved) + len(waiting) + 9, now())})
    assert len(seen) == len(set(seen))
    assert set(made) - moved <= set(seen) <= set(made)


def _group(member: str, conversation_id: str, last_activity: object) -> Document:
    return {
        "_id": conversation_id,
        "type": "group",
        "title": None,
        "members": [member],
        "created_by": member,
        "created_at": last_activity,
        "last_activity": last_activity,
        "last_sequence": 0,
    }
