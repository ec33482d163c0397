"""What the bench of webhooks makes of its figures."""

from bench.webhooks import Figures, markdown


def test_the_section_compares_the_phases_and_says_that_nothing_is_missing() -> None:
    none = Figures(100, 100, 20.0, 50.0, 60.0, {"webhooks": 1.5})
    some = Figures(95, 95, 21.0, 55.0, 66.0, {"webhooks": 1.6})
    section = markdown([("none dead", none), ("5 dead", some)], 200, 2, "now")
    assert "| 5 dead | 95 | 21 ms | 55 ms | 66 ms | webhooks 1.60 |" in section
    assert section.endswith("p95 with dead ones is 1.10 of that without; goal: ≤ 1.2 ✓. Every event arrived.")


def test_what_is_missing_is_not_called_complete() -> None:
    none = Figures(100, 100, 20.0, 50.0, 60.0, {})
    lost = Figures(94, 95, 20.0, 70.0, 80.0, {})
    assert "Every event arrived" not in markdown([("none dead", none), ("5 dead", lost)], 200, 2, "now")
