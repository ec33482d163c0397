"""Places for calls: slow endpoints take none from the others."""

from services.webhooks.outgoing.handlers.places import SLOW_S, Places


def test_who_answers_slowly_calls_from_among_those_that_fail_until_it_is_quick_again() -> None:
    places = Places()
    places.note("slow", SLOW_S)
    places.note("quick", 0.1)
    assert places.of("slow", is_failing=False) is places.failing
    assert places.of("quick", is_failing=False) is places.healthy
    assert places.of("quick", is_failing=True) is places.failing
    places.note("slow", 0.1)
    assert places.of("slow", is_failing=False) is places.healthy
