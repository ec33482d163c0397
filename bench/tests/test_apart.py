"""What `bench.apart` makes of its times."""

from bench.apart import Round, by_phase, markdown
from bench.figures import latency
from bench.outside import Passage


def passage(due: float, took: float) -> Passage:
    return Passage(due, due + 0.01, due + 0.01 + took)


def test_a_message_belongs_to_the_phase_in_which_it_was_due_and_the_warm_up_to_none() -> None:
    found = by_phase([passage(99, 9), passage(100, 0.02), passage(131, 0.05), passage(165, 0.03)], 100, 30)
    assert [round(one.p95) for one in found] == [20, 50, 30]


def test_the_section_says_whether_the_goal_is_kept_and_what_is_wrong() -> None:
    def one(during_s: float, *wrong: str) -> Round:
        return Round((latency([0.01]), latency([during_s]), latency([0.01])), 900, 450, wrong)

    assert "is 1.10 (1.10 to 1.10) of before;\ngoal: ≤ 1.2 ✓" in markdown([one(0.011)], 30, "today")
    assert "all arrived, once and in order" in markdown([one(0.011)], 30, "today")
    assert "✗" in markdown([one(0.02)], 30, "today")
    assert "these are wrong: chat 1 has 2 of 3" in markdown([one(0.01, "chat 1 has 2 of 3")], 30, "today")
