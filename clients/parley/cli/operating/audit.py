"""`parley audit`: what operators did."""

from typing import Annotated

import typer

from clients.parley.cli import output
from clients.parley.cli.operating.desk import At, operate
from clients.parley.cli.options import As, Cursor, Json, Url
from clients.parley.cli.output import cell, clean


def audit(
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=200, help="How many.")] = 50,
    cursor: Cursor = None,
    as_user: As = None,
    url: Url = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """What operators did, newest first. For operators."""
    page = operate(url, as_user, at, lambda operators: operators.audit(limit=limit, cursor=cursor))
    if as_json:
        output.document(page)
        return
    if not page.items:
        output.line(("No operator has done anything yet.", "dim"))
        return
    shown = output.table("when", "who", "action", "on", "outcome", "details")
    for one in page.items:
        details = ", ".join(f"{name}: {value}" for name, value in one.details.items() if value != "")
        when = f"{one.at.astimezone():%m-%d %H:%M:%S}"
        shown.add_row(when, cell(one.who), cell(one.action), cell(one.on), cell(one.outcome), cell(details, "dim"))
    output.console().print(shown)
    if page.next_cursor:
        output.line((f"more: parley audit --cursor {clean(page.next_cursor)}", "dim"), stderr=True)
