"""What `bench.outage` makes of its times, and where its section stands in the page."""

from bench.document import OUTAGE, section_of, with_section
from bench.figures import latency
from bench.ledger import Lane
from bench.outage import Round, by_phase, markdown
from bench.run import Outcome

PAGE = "# What a message costs\nfirst\n\n## Goals\ngoals\n\n## Beside others\nothers\n"


def test_a_message_belongs_to_the_phase_in_which_it_was_due() -> None:
    lane = Lane()
    for number, (due, took) in enumerate([(0.0, 0.01), (9.9, 0.01), (10.0, 0.05), (29.0, 0.02), (30.1, 0.02)], 1):
        lane.send(str(number), due, due)
        lane.arrive(str(number), number, due + took)
    lane.send("lost", 5.0, 5.0)
    before, during, after = by_phase(Outcome([lane], 0.0, 30.0, 31.0, True), 10.0)
    assert (before.p95, during.p95, after.p95) == (10, 50, 20)


def test_the_section_says_whether_the_goal_is_kept_and_what_is_wrong() -> None:
    def one(during_s: float, *wrong: str) -> Round:
        return Round((latency([0.01]), latency([during_s]), latency([0.01])), 9000, 900, wrong)

    kept = markdown([one(0.011), one(0.012), one(0.03)], 30, "today")
    assert "is 1.20 (1.10 to 3.00) of before" in kept
    assert "✓" in kept
    assert "all arrived, once and in order" in kept
    assert "✗" in markdown([one(0.02)], 30, "today")
    assert "these are wrong: chat 1 has 2 of 3" in markdown([one(0.01, "chat 1 has 2 of 3")], 30, "today")


def test_the_section_is_put_once_before_the_last_and_found_again() -> None:
    page = PAGE
    for words in ("old", "new"):
        page = with_section(page, OUTAGE, f"{OUTAGE}\n{words}")
    assert page == PAGE.replace("## Beside", f"{OUTAGE}\nnew\n\n## Beside")
    assert section_of(page, OUTAGE) == f"{OUTAGE}\nnew"
    assert section_of(PAGE, OUTAGE) is None
