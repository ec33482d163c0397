"""Samples each load in a run of its own, and divides by it what runs without a sampler cost."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import stack
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
    """What a message cost in the middle run, by process, and within it by function or by what threads do."""
    run = sorted(runs, key=lambda run: run.costs.cpu_ms)[len(runs) // 2]
    rate = "" if scenario.rate else f" ({run.per_second:,.0f}/s)"
    threads = {
        process: kinds(process, threads, names)
        for process, threads in run.costs.cpu_ms_by_thread.items()
        if process not in SAMPLED
    }
    return whole(f"{scenario.title}{rate}", run.costs.cpu_ms_by_process, threads, functions)


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
