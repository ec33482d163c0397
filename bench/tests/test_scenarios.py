"""What the names of scenarios mean, and when a warm-up has been long enough."""

import pytest

from bench.scenarios import EVERYTHING, RUSH_RATE, choose
from bench.series import about
from bench.warm_up import stands_still


def test_a_door_is_measured_as_fast_as_it_goes_or_at_a_rate() -> None:
    chosen = choose(["socket", "batch@250", "http@100"], 10, 2)
    assert [(one.door, one.rate) for one in chosen] == [("socket", None), ("batch", 250), ("http", 100)]
    assert {(one.seconds, one.warm_up_s) for one in chosen} == {(10, 2)}


def test_the_rush_comes_from_idleness_and_idleness_sends_nothing() -> None:
    idle, rush = choose(["idle", "rush"], 20, 3)
    assert (rush.door, rush.rate, rush.warm_up_s) == ("http", RUSH_RATE, 0)
    assert (idle.door, idle.seconds) == (None, 20)


def test_a_hundred_thousand_a_minute_are_held_for_a_minute() -> None:
    assert [one.seconds for one in choose(["http", "http@1667"], 20, 3, 60)] == [20, 60]


@pytest.mark.parametrize("name", ["udp", "http@", "http@fast", "http@0", "idle@5", ""])
def test_other_words_name_no_scenario(name: str) -> None:
    with pytest.raises(ValueError, match="none of http"):
        choose([name], 10, 2)


def test_the_whole_of_three_runs_takes_a_quarter_of_an_hour() -> None:
    assert about(choose(EVERYTHING.split(","), 20, 3, 60) * 3) == "13 min"


def test_no_two_scenarios_have_the_same_title() -> None:
    titles = [one.title for one in choose([*EVERYTHING.split(","), "http@3333", "socket@500"], 20, 3)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("spent", "still"),
    [
        ([], False),
        ([1.0, 1.0], False),
        ([1.9, 1.2, 0.9], False),
        ([1.9, 1.2, 0.9, 0.88], False),
        ([1.9, 1.2, 0.9, 0.88, 0.89], True),
        ([0.9, 0.88, 0.91], True),
    ],
)
def test_a_warm_up_ends_when_a_message_costs_no_less_than_before(spent: list[float], still: bool) -> None:
    assert stands_still(spent) is still
