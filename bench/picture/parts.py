"""The cost of a message as a tree: processes, libraries or kinds of threads, functions; and the small ones together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from bench.picture.stacks import Owner

NAMED = ("nginx", "frontend", "router", "presence", "kafka", "mongo", "redis")
REST = "auth, etcd, others"
ALONE = 0.95  # of a process: one kind of thread is the process


class Part(msgspec.Struct, frozen=True):
    """CPU in ms per message, its own and that of its parts."""

    name: str
    ms: float
    parts: tuple["Part", ...] = ()


def whole(
    name: str,
    by_process: Mapping[str, float],
    threads: Mapping[str, Mapping[str, float]],
    functions: Mapping[str, Mapping[Owner, float]],
) -> Part:
    """All processes in the order of a message's way: divided by `functions` (shares), else by `threads` (ms)."""
    found = [_process(one, by_process.get(one, 0.0), threads.get(one, {}), functions.get(one, {})) for one in NAMED]
    rest = sum(ms for process, ms in by_process.items() if process not in NAMED)
    return Part(name, sum(by_process.values()), (*found, Part(REST, rest)))


def together(part: Part, least_ms: float) -> Part:
    """Parts that are smaller than `least_ms` become one, behind the others; alone or still small it is left out."""
    large = [together(one, least_ms) for one in part.parts if one.ms >= least_ms]
    small = [one for one in part.parts if one.ms < least_ms]
    rest = sum(one.ms for one in small)
    if small and rest >= least_ms:
        large.append(Part(f"{len(small)} more", rest))
    return Part(part.name, part.ms, tuple(large))


def _process(name: str, ms: float, threads: Mapping[str, float], functions: Mapping[Owner, float]) -> Part:
    if functions:
        return Part(name, ms, _libraries(ms, functions))
    known = sum(threads.values())
    if max(threads.values(), default=0.0) >= ALONE * known:
        return Part(name, ms)
    return Part(name, ms, _largest_first(Part(kind, ms * spent / known) for kind, spent in threads.items()))


def _libraries(ms: float, functions: Mapping[Owner, float]) -> tuple[Part, ...]:
    by_library: dict[str, list[Part]] = defaultdict(list)
    for owner, share in functions.items():
        by_library[owner.library].append(Part(owner.function, ms * share))
    return _largest_first(
        Part(library, sum(one.ms for one in parts), _largest_first(parts)) for library, parts in by_library.items()
    )


def _largest_first(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: -part.ms))
