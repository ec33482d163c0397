"""All runs of all scenarios, in turn, so that what changes in the machine meanwhile touches all of them."""

from collections.abc import Callable, Sequence

from bench.idle import CALM_S, Idle, rest
from bench.people import Pair
from bench.run import Result, measure
from bench.scenarios import Scenario

Say = Callable[[str], object]


async def run_all(
    url: str, pairs: Sequence[Pair], scenarios: Sequence[Scenario], runs: int, say: Say
) -> tuple[list[Result], list[Idle]]:
    results: list[Result] = []
    idles: list[Idle] = []
    left = [scenario for _ in range(runs) for scenario in scenarios]
    total = len(left)
    while left:
        scenario = left[0]
        say(f"{total - len(left) + 1} of {total}: {scenario.title}, {scenario.seconds:g} s; {about(left)} left")
        if scenario.door is None:
            idles.append(await rest(scenario.seconds))
            say(f"  {idles[-1].everything:.1f} % of one core, ours {idles[-1].ours:.1f} %")
        else:
            results.append(await measure(url, pairs, scenario))
            say(f"  {results[-1].per_second:,.0f}/s, {results[-1].costs.cpu_ms:.3f} ms CPU a message")
        left.pop(0)
    return results, idles


def about(scenarios: Sequence[Scenario]) -> str:
    """How long these take, in words."""
    seconds = sum(one.about_s + (CALM_S if one.door is None else 0.0) for one in scenarios)
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
