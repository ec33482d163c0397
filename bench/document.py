"""The report as people read it: goals with their marks, then all figures, as a summary or as the page of the docs."""

from typing import Any

from bench import goals
from bench.report import Report, heading, idleness, table, warnings

OUTAGE = "## While a platform is away"
APART = "## While another platform is away"
WEBHOOKS = "## Until a third party hears of it"
OF_OTHERS = (OUTAGE, APART, WEBHOOKS)
"""Sections that benches of their own write."""
PREFACE = """# What a message costs
Written by `make bench`, which anyone can repeat: [the method](../bench/README.md). Everything runs on one machine and
is counted: gateway, services, Kafka, MongoDB, Redis, etcd; the load comes from the same machine, and its own cost is
shown apart. Every message is accepted when Kafka has it (`acks=all`), stored in MongoDB with `w: majority` and journal,
pushed to its recipient's socket, acknowledged there, and its receipt stored. One process of each service; texts of 200
bytes. Where there were several runs, a figure is their median, with their range behind it.
"""

PICTURE = """## Where the CPU of a message goes
![The cost of a message by process, library and function, at saturation and at 500 a second](performance.svg)

Each column is one message, as high as the other: on the left when the platform has all it can do, on the right at 500 a
second; the bars above them are to one scale. A message costs more when there are fewer, because what is done once for a
batch (a poll, an insert, a commit) is shared by fewer. For our services the second column is the library and the third
the function that was called in it, with the part of Python's own library and of C that it needs; for the servers it is
what their threads do. `make bench what=picture` draws it alone, and keeps the stacks that it is drawn from.
"""

MISSED = """### What is missed, and what would come next
Where it goes, in the runs of this page, most first; the picture below goes down to functions.

"""

LEGEND = """CPU in ms per message is user and system time of all processes; *receipt* is from sent (in an open loop:
from due) to the frame at the recipient. Throughput and percentiles move by a quarter with whatever else the machine
does, CPU per message by 2 to 5 %."""

OTHERS = """## Beside others
Before this project was begun, other systems did the same work on the same kind of machine (2 cores, everything on it),
under the same load at saturation and at 500 messages a second. These figures are as old as that, and were measured by
us, not by their makers:

| | saturated, messages/s | CPU ms/message, saturated · at 500/s |
|---|---:|---|
| Tinode 0.25 with PostgreSQL | 1,750 | 0.82 · 1.02 |
| Tinode, delivery receipts stored as here | 830 to 1,220 | 1.19 |
| Tinode with MongoDB | 1,185 | 1.41 · 2.11 |
| ejabberd 23.01, archive in PostgreSQL | 1,830 | 0.92 · 1.27 |
| Matrix Synapse with PostgreSQL | 33 | 41 |
| Centrifugo with Redis: nothing is kept | 12,843 | 0.09 · 0.34 |
"""


def summary(report: Report) -> str:
    """What the command prints."""
    parts = [
        *(heading(report), goals.table(report), goals.missed(report), table(report), idleness(report)),
        *warnings(report.results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def page(report: Report) -> str:
    """docs/performance.md."""
    parts = [
        PREFACE.strip(),
        f"{heading(report)}.\n{_versions(report.settings)}",
        "## Goals\nA first landing, and where it goes from there.\n\n" + goals.table(report),
        MISSED + missed if (missed := goals.missed(report)) else "",
        PICTURE.strip() if report.messages else "",
        "## All figures\n" + table(report),
        idleness(report),
        _warm_up(report),
        LEGEND,
        *warnings(report.results),
        OTHERS.strip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def with_section(page: str, title: str, section: str) -> str:
    """The same page, with this section in the place of the one of that title, or else before the last one."""
    parts = page.strip().split("\n\n## ")
    own = section.strip().removeprefix("## ")
    kept = [part for part in parts if f"## {part}".splitlines()[0] != title]
    return "\n\n## ".join([*kept[:-1], own, kept[-1]]) + "\n"


def section_of(page: str, title: str) -> str | None:
    """None where it is not there."""
    found = (f"## {part}" for part in page.strip().split("\n\n## ")[1:])
    return next((part for part in found if part.splitlines()[0] == title), None)


def _versions(settings: dict[str, Any]) -> str:
    found = ", ".join(f"{name} {version}" for name, version in sorted(settings.get("versions", {}).items()))
    return f"Python {settings['python']}, Linux {settings['machine']['kernel']}; {found}."


def _warm_up(report: Report) -> str:
    if not report.warm_up_ms:
        return ""
    spent = ", ".join(f"{cost:.3f}" for cost in report.warm_up_ms)
    return f"A message cost {spent} ms in the successive parts of the warm-up before all runs, which are not counted."
