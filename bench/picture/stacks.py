"""Whose time a stack is: that of the innermost library (of ours: module) in it, under the function that was called.

Python's own library and generated code count as part of what called them, so a timeout's cost is with who sets it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LOOP = "event loop"
NAMES = {"bson": "pymongo", "hiredis": "redis", "starlette": "fastapi", "uvloop": LOOP}
WRAPPERS = ("pymongo/_csot.py", "pymongo/asynchronous/helpers.py")  # around every call: they say nothing
BEGIN = ("libs/common/process.py", "bench/picture/sampled.py")  # what runs everything is nobody's time


class Frame(NamedTuple):
    function: str
    file: str


class Place(NamedTuple):
    """Where a function is: the library, and of ours the module in it."""

    library: str
    module: str


class Owner(NamedTuple):
    """A library and the function of it that the time belongs to."""

    library: str
    function: str


def parse(line: str) -> tuple[list[Frame], int]:
    """One line of a sampled service, outermost function first."""
    words, _, count = line.rpartition(" ")
    found = [re.fullmatch(r"(.*?) \((.*)\)", part) for part in words.split(";")]
    return [Frame(match[1], match[2]) for match in found if match], int(count)


def place_of(file: str) -> Place | None:
    """None for Python's own library, generated code, wrappers, and what runs everything."""
    path = Path(file)
    if file.endswith(WRAPPERS):
        return None
    if "site-packages" in path.parts:
        name = path.parts[path.parts.index("site-packages") + 1].removesuffix(".py").split(".")[0]
        return Place(NAMES.get(name, name), "")
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).as_posix() in BEGIN:
        return None
    first, *others = path.relative_to(ROOT).with_suffix("").parts
    if first not in ("services", "libs") or not others:
        return None
    module = ".".join(others[1:]).removesuffix(".__init__")
    return Place("libs.common" if first == "libs" else others[0], module)


def owner(stack: Sequence[Frame]) -> Owner:
    """What is in no library belongs to the event loop."""
    place, entry = None, ""
    for frame in reversed(stack):
        found = place_of(frame.file)
        if place is None:
            place = found
        elif found is not None and found != place:
            break
        if found is not None:
            entry = frame.function
    if place is None or place.library == LOOP:
        return Owner(LOOP, "asyncio, uvloop")
    name = entry.replace(".<locals>", "")
    return Owner(place.library, f"{place.module}: {name}" if place.module else name)


def shares(lines: Iterable[str]) -> dict[Owner, float]:
    """The part of the time of all stacks, by owner; together 1, or nothing of nothing."""
    seen: Counter[Owner] = Counter()
    for line in lines:
        if line.strip():
            frames, count = parse(line)
            seen[owner(frames)] += count
    whole = seen.total()
    return {name: count / whole for name, count in seen.most_common()}
