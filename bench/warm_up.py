"""A load before all others, until a message costs no less than before: broker and database compile what they repeat.

A fresh broker spends three times as much on a message in its first half minute of work as after it."""

from collections.abc import Callable, Sequence

from bench.people import Pair
from bench.run import room, take
from bench.scenarios import Scenario

FALLING = 0.95


async def warm_up(
    url: str, pairs: Sequence[Pair], slice_s: float, at_most: int, say: Callable[[str], object]
) -> list[float]:
    """CPU in ms per message of each slice of the load; the last two tell whether it was long enough."""
    spent: list[float] = []
    scenario = Scenario("warm-up", slice_s, door="http")
    async with room(url, pairs, "http") as everybody:
        while len(spent) < at_most and not stands_still(spent):
            spent.append((await take(everybody, scenario)).costs.cpu_ms)
            say(f"warm-up: {spent[-1]:.3f} ms CPU a message")
    return spent


def stands_still(spent: Sequence[float]) -> bool:
    """Whether the last two are no cheaper than what came before them; of so much that noise is not taken for it."""
    return len(spent) > 2 and min(spent[-2:]) > FALLING * min(spent[:-2])
