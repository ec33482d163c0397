"""Samples each load in a run of its own, and divides by it what runs without a sampler cost."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import stack
from bench.figures import spread
from bench.people import Pair
from bench.picture.parts import Part, whole
from bench.picture.sampling import SAMPLED, begin, end, sampled
from bench.picture.stacks import Owner, shares
from bench.picture.threads import java_names, kinds
from bench.run import Result, room, take
from bench.scenarios import Scenario
from bench.series import Say
from clients.parley.settings import state_folder

LOADS = ("http", "http@500")
Functions = Mapping[str, Mapping[Owner, float]]


async def picture(
    url: str, pairs: Sequence[Pair], scenarios: Sequence[Scenario], results: Sequence[Result], say: Say
) -> list[Part]:
    """Where the CPU of a message went in those of the measured loads that the picture shows."""
    loads = [scenario for scenario in scenarios if scenario.name in LOADS]
    if not loads:
        return []
    state = state_folder(os.environ)
    names = await _thread_names(state)
    found = await _functions(url, pairs, loads, state, say)
    return [message(one, [run for run in results if run.scenario == one.name], found[one.name], names) for one in loads]


def message(scenario: Scenario, runs: Sequence[Result], functions: Functions, names: Mapping[int, str]) -> Part:
    """What a message cost in these runs, by process, and within it by function or by what threads do."""
    processes = {name for run in runs for name in run.costs.cpu_ms_by_process}
    spent = {name: spread([run.costs.cpu_ms_by_process.get(name, 0.0) for run in runs]).median for name in processes}
    rate = "" if scenario.rate else f" ({spread([run.per_second for run in runs]).median:,.0f}/s)"
    return whole(f"{scenario.title}{rate}", spent, _threads(runs, names), functions)


async def _functions(
    url: str, pairs: Sequence[Pair], scenarios: Sequence[Scenario], state: Path, say: Say
) -> dict[str, Functions]:
    """By scenario and service, whose CPU it is, in shares; the stacks are kept in the state folder."""
    found: dict[str, Functions] = {}
    folder = _folder(state)
    async with sampled(state, folder):
        for scenario in scenarios:
            say(f"sampled: {scenario.title}, {scenario.seconds:g} s")
            lines = await _sample(url, pairs, scenario, folder)
            for service, stacks in lines.items():
                (folder / f"{scenario.name}.{service}.txt").write_text("\n".join(stacks) + "\n")
            found[scenario.name] = {service: shares(stacks) for service, stacks in lines.items()}
    return found


async def _thread_names(state: Path) -> dict[int, str]:
    """Of the broker, whose names the kernel cuts."""
    pids = await asyncio.to_thread(stack.pids)
    if "kafka" not in pids:
        return {}
    return await asyncio.to_thread(java_names, pids["kafka"], state / "logs" / "kafka.log")


def _threads(runs: Sequence[Result], names: Mapping[int, str]) -> dict[str, dict[str, float]]:
    """In all runs together."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for run in runs:
        for process, threads in run.costs.cpu_ms_by_thread.items():
            if process not in SAMPLED:
                for kind, ms in kinds(process, threads, names).items():
                    found[process][kind] += ms
    return found


async def _sample(url: str, pairs: Sequence[Pair], scenario: Scenario, folder: Path) -> dict[str, list[str]]:
    pids = await asyncio.to_thread(stack.pids)
    async with room(url, pairs, scenario.door or "http") as everybody:
        await take(everybody, replace(scenario, seconds=scenario.warm_up_s))
        begin(pids)
        await take(everybody, scenario)
        return await asyncio.to_thread(end, pids, folder)


def _folder(state: Path) -> Path:
    folder = (state / "bench" / "stacks").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
