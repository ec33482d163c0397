"""What MongoDB looks through document by document because no index answers it: a failure of the test.

A test that means to look at everything says so by `comment=BY_A_TEST`.
"""

from collections.abc import Iterable
from typing import Any

from bson.json_util import dumps

from libs.common.mongo import Database, Document

BY_A_TEST = "a test looks at everything"
FILTER: Document = {
    "appName": "parley",
    "command.comment": {"$ne": BY_A_TEST},
    "$or": [
        {"planSummary": {"$regex": "COLLSCAN"}},
        # what is inside a `$lookup` has no plan in the profile: without a scan it meets no document but by a key
        {"planSummary": {"$exists": False}, "$expr": {"$gt": ["$docsExamined", "$keysExamined"]}},
    ],
}
ON = {"profile": 1, "filter": FILTER}
OFF = {"profile": 0, "filter": "unset"}
SHOWN = 10
LONGEST = 400


async def watch_for_scans(database: Database) -> None:
    """From now on, until MongoDB restarts, whatever scans is kept in a collection of 1 MiB."""
    await database.command(ON)


async def scans_of(database: Database) -> list[Document]:
    """What was seen since; it is watched no longer, and forgotten."""
    await database.command(OFF)
    profile = database["system.profile"]
    seen = await profile.find(FILTER).to_list()
    if await profile.find_one() is not None:  # dropping takes long, and there is seldom anything
        await profile.drop()
    return seen


def report(scans: Iterable[Document]) -> str:
    """Each query once, with how often it came and how much it read; "" where there is none."""
    seen: dict[str, list[Document]] = {}
    for scan in scans:
        seen.setdefault(f"{scan['op']} {scan['ns']}: {shape(scan.get('command', {}))}", []).append(scan)
    lines = [f"{len(same)} times, {_examined(same)} documents read: {query}" for query, same in seen.items()]
    head = "No index answers these queries (an index, another query, or `comment=BY_A_TEST` mends it):"
    return "\n  ".join([head, *lines[:SHOWN]]) if lines else ""


def shape(command: Any) -> str:
    """The part of a command that says what is asked, on one line."""
    asked = {k: command[k] for k in ("filter", "sort", "pipeline", "q", "u", "query", "getMore") if k in command}
    return dumps(asked or command)[:LONGEST]


def _examined(scans: Iterable[Document]) -> int:
    return sum(scan.get("docsExamined", 0) for scan in scans)
