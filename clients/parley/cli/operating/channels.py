"""`parley channels status`: how each account on a platform fares, over all routers."""

from datetime import datetime

from rich.text import Text

from clients.parley.cli import output
from clients.parley.cli.operating.desk import At, operate
from clients.parley.cli.options import As, Json, Url
from clients.parley.cli.output import cell, clean
from clients.parley.operators import ChannelState

STYLES = {"closed": "green", "half_open": "yellow", "open": "red"}
MOST = 5


def status(as_user: As = None, url: Url = None, at: At = None, as_json: Json = False) -> None:
    """How each account fares: breaker, lanes, what the platform asked for, last errors. For operators."""
    found = operate(url, as_user, at, lambda operators: operators.channels())
    if as_json:
        output.document({"items": found})
        return
    if not found:
        output.line("No account is configured: PARLEY_CHANNELS__<CHANNEL>__<ACCOUNT>__<SETTING>.")
        return
    shown = output.table("account", "breaker", "waiting", "in flight", "parked", "sent", "failed", "refused", "errors")
    for one in found:
        shown.add_row(cell(f"{one.channel}/{one.account}"), _breaker(one), *_counts(one))
    output.console().print(shown)
    for one in found:
        _details(one)


def _breaker(one: ChannelState) -> Text:
    if one.status == "off":
        return cell(f"off: {one.off}", "dim")
    if one.breaker is None:
        return cell("no router says", "red")
    until = f" until {_clock(one.tried_again_at)}" if one.tried_again_at else ""
    return cell(one.breaker.replace("_", " ") + until, STYLES.get(one.breaker, ""))


def _counts(one: ChannelState) -> list[str]:
    if one.status == "off":
        return []
    outcomes = one.outcomes
    rate = "" if outcomes.error_rate is None else f"{outcomes.error_rate:.0%}"
    counts = (one.waiting, one.in_flight, one.parked, outcomes.sent, outcomes.failed, outcomes.refused)
    return [*map(str, counts), rate]


def _details(one: ChannelState) -> None:
    name = clean(f"{one.channel}/{one.account}")
    if one.webhook:
        output.line((f"{name} ", "dim"), f"webhook: {clean(one.webhook)}")
    if one.inbound.updates:
        words = f"{one.inbound.updates} from there wait, the oldest since {one.inbound.oldest_s:.0f} s"
        output.line((f"{name} ", "dim"), words)
    for wait in one.waits[:MOST]:
        output.line((f"{name} ", "dim"), f"asked to wait for {clean(wait.address)} until {_clock(wait.until)}")
    for error in one.errors[:MOST]:
        words = f"{clean(error.code)}: {clean(error.detail)}"
        output.line((f"{name} {_clock(error.at)} {clean(error.address)} ", "dim"), (words, "red"))


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"
