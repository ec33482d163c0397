"""Whose time a stack is: that of the innermost library (of ours: module) in it, under the function that was called.

Python's own library and generated code count as part of what called them, so a timeout's cost is with who sets it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

OURS = re.compile(r"(?:^|/)(?:services/(?P<service>\w+)|libs/common)/(?P<module>.+)\.py$")  # in whatever checkout
LOOP = "event loop"
NAMES = {"bson": "pymongo", "hiredis": "redis", "starlette": "fastapi", "uvloop": LOOP}
WRAPPERS = ("pymongo/_csot.py", "pymongo/asynchronous/helpers.py")  # around every call: they say nothing
BEGIN = "libs/common/process.py"  # what runs everything is nobody's time


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
    if file.endswith((*WRAPPERS, BEGIN)):
        return None
    path = Path(file)
    if "site-packages" in path.parts:
        name = path.parts[path.parts.index("site-packages") + 1].removesuffix(".py").split(".")[0]
        return Place(NAMES.get(name, name), "")
    found = OURS.search(file)
    if found is None:
        return None
    module = found["module"].replace("/", ".").removesuffix(".__init__")
    return Place(found["service"] or "libs.common", module)


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
