"""Routes: which step is tried when, what stops it, and that no order of events tries a step too early or twice."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import DeliveryStatus, Step
from libs.common.marks import RANKS
from libs.common.route import Begun, Place, follow, has_reached, is_settled, place_on, until

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
INTERNAL = Step("internal", "DELIVERED", 60)
ROUTE = [INTERNAL, Step("telegram", "SENT", 30), Step("whatsapp")]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_first_step_is_waited_for() -> None:
    assert place_on(ROUTE, [Begun(at(0), "SENT")]) == Place("waiting", 0, at(60))


def test_a_step_that_got_as_far_as_was_asked_ends_it() -> None:
    assert place_on(ROUTE, [Begun(at(0), "DELIVERED")]) == Place("reached", 0)
    assert place_on(ROUTE, [Begun(at(0), "READ")]) == Place("reached", 0)


def test_a_step_that_failed_is_followed_at_once() -> None:
    assert place_on(ROUTE[1:], [Begun(at(0), "FAILED")]) == Place("waiting", 0, at(0))


def test_an_earlier_step_that_gets_there_late_ends_it_too() -> None:
    begun = [Begun(at(0), "READ"), Begun(at(60), "QUEUED")]
    assert place_on(ROUTE, begun) == Place("reached", 0)
    assert not is_settled(place_on(ROUTE, begun), begun)


def test_what_was_there_and_failed_later_is_followed_after_all() -> None:
    assert place_on(ROUTE[1:], [Begun(at(0), "SENT")]).state == "reached"
    assert place_on(ROUTE[1:], [Begun(at(0), "FAILED")]).state == "waiting"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Step("internal"), "DELIVERED"),
        (Step("telegram"), "SENT"),
        (Step("instagram"), "DELIVERED"),
        (Step("whatsapp", "READ"), "READ"),
    ],
)
def test_a_last_step_stops_the_others_by_the_proof_that_its_channel_can_give(step: Step, expected: str) -> None:
    assert until(step) == expected


def test_everybody_has_a_place_of_their_own() -> None:
    steps = [{"channel": "internal", "until": "DELIVERED", "after_s": 60}, {"channel": "telegram"}]
    begun = [{"recipient": "bo", "step": 1, "at": at(61)}]
    message = {"to": ["ana", "bo"], "route": steps, "begun": begun, "stored_at": at(0)}
    statuses: dict[tuple[str, str], DeliveryStatus] = {
        ("ana", "internal"): "DELIVERED",
        ("bo", "internal"): "SENT",
        ("bo", "telegram"): "QUEUED",
    }
    found = follow(message, lambda who, channel: statuses.get((who, channel)))
    assert {who: progress.place for who, progress in found.items()} == {
        "ana": Place("reached", 0),
        "bo": Place("last", 1),
    }


STATUSES: list[DeliveryStatus] = ["QUEUED", "SENT", "FAILED", "DELIVERED", "READ"]
CHANNELS = ["internal", "telegram", "whatsapp", "messenger", "instagram"]


@st.composite
def routes(draw: st.DrawFn) -> list[Step]:
    names = draw(st.permutations(CHANNELS))[: draw(st.integers(1, 5))]
    heights = {"telegram": ["SENT"]}
    steps = [
        Step(name, draw(st.sampled_from(heights.get(name, ["SENT", "DELIVERED", "READ"]))), draw(st.integers(1, 100)))
        for name in names
    ]
    return [*steps[:-1], Step(names[-1])]


@dataclass
class World:
    """What is stored, and one who follows the route and may die after any step: only what is stored is known then."""

    steps: list[Step]
    now: float = 0.0
    begun: dict[int, float] = field(default_factory=lambda: {0: 0.0})
    statuses: dict[int, DeliveryStatus] = field(default_factory=lambda: {0: "QUEUED"})

    def report(self, step: int, status: DeliveryStatus) -> None:
        """In any order, and doubled: what is stored only rises."""
        known = self.statuses.get(step)
        if known is not None and RANKS[status] > RANKS[known]:
            self.statuses[step] = status

    def place(self) -> Place:
        return place_on(self.steps, [Begun(at(self.begun[i]), self.statuses.get(i)) for i in range(len(self.begun))])

    def follow(self, *, dies_after_beginning: bool) -> None:
        """As a timer does whenever it comes: early, late, or twice."""
        before = self.place()
        if before.state != "reached" and before.step not in self.statuses:
            self.statuses[before.step] = "QUEUED"
        elif before.due_at and before.due_at <= at(self.now):
            self.check_is_due(before.step)
            self.begun.setdefault(before.step + 1, self.now)
            if not dies_after_beginning:
                self.statuses.setdefault(before.step + 1, "QUEUED")

    def check_is_due(self, step: int) -> None:
        """The next is begun only where the time is over or this one failed, and nothing has reached."""
        is_over = self.now >= self.begun[step] + (self.steps[step].after_s or 0)
        assert is_over or self.statuses[step] == "FAILED"
        assert not any(has_reached(self.steps[i], status) for i, status in self.statuses.items())


HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("time"), st.integers(1, 120)),
        st.tuples(st.just("report"), st.tuples(st.integers(0, 4), st.sampled_from(STATUSES))),
        st.tuples(st.just("timer"), st.booleans()),
    ),
    max_size=60,
)


@given(routes(), HAPPENINGS)
def test_whatever_happens_in_whatever_order_no_step_is_tried_early_or_after_one_has_reached(
    steps: list[Step], happenings: list[tuple[str, Any]]
) -> None:
    world = World(steps)
    for what, how in happenings:
        match what, how:
            case "time", int(seconds):
                world.now += seconds
            case "report", (int(step), status):
                world.report(step, status)
            case "timer", bool(dies):
                world.follow(dies_after_beginning=dies)
    assert sorted(world.begun) == [*range(len(world.begun))]
    assert len(world.begun) <= len(steps)


@given(routes(), st.data())
def test_a_route_on_which_nothing_arrives_comes_to_its_last_step(steps: list[Step], data: st.DataObject) -> None:
    world = World(steps)
    for _ in range(4 * len(steps)):
        if data.draw(st.booleans()):
            world.report(world.place().step, "FAILED")
        world.now += 100
        world.follow(dies_after_beginning=data.draw(st.booleans()))
        world.follow(dies_after_beginning=False)
    assert (world.place().state, world.place().step) == ("last", len(steps) - 1)
    assert set(world.statuses) == {*range(len(steps))}
