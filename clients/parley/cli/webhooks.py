"""`parley webhooks`: who is told of one's events, what they were sent, and sending it again."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from clients.parley.cli import output
from clients.parley.cli.groups import unless_named
from clients.parley.cli.options import As, Cursor, Json, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import NO_ANSWER, failure, speak
from clients.parley.webhooks import Hook, HookPage, Queued, Replaying, Sent, SentPage

STYLES = {"delivered": "green", "failed": "red", "pending": "yellow", "skipped": "dim"}
Id = Annotated[str, typer.Argument(metavar="WEBHOOK", help="As `parley webhooks` lists it.")]
Events = Annotated[
    list[str] | None, typer.Option("--event", metavar="EVENT", help="Only these, e.g. message.read; may be repeated.")
]
Description = Annotated[str | None, typer.Option("--description", metavar="WORDS", help="For yourself.")]

group = typer.Typer(
    help="Who is told of your events, signed: the list, unless another is named.", cls=unless_named("list")
)


@group.command()
def create(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="Where to: https://…")],
    event: Events = None,
    description: Description = None,
    everything: Annotated[bool, typer.Option("--all", help="Everybody's events; for operators.")] = False,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Register an endpoint. Its secret is shown this once."""
    scope = "all" if everything else None

    hook: Hook = speak(
        url,
        as_user,
        lambda client, _: client.webhooks.create(endpoint, events=event, description=description, scope=scope),
    )
    _show(hook, as_json)


@group.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 50,
    cursor: Cursor = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Your webhooks."""
    page: HookPage = speak(url, as_user, lambda client, _: client.webhooks.page(limit=limit, cursor=cursor))
    if as_json:
        output.document(page)
        return
    if not page.items:
        output.line("None yet: `parley webhooks create https://…`, or `parley webhooks listen` to try.")
        return
    shown = output.table("webhook", "endpoint", "events", "state")
    for hook in page.items:
        state = output.cell(_state(hook), "green" if _state(hook) == "enabled" else "red")
        shown.add_row(output.cell(hook.webhook_id), output.cell(hook.url), f"{len(hook.events)}", state)
    output.console().print(shown)
    if page.next_cursor:
        output.line((f"more: parley webhooks list --cursor {clean(page.next_cursor)}", "dim"), stderr=True)


@group.command()
def show(webhook_id: Id, as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """All that is known of a webhook."""
    _show(speak(url, as_user, lambda client, _: client.webhooks.get(webhook_id)), as_json)


@group.command()
def update(
    webhook_id: Id,
    endpoint: Annotated[str | None, typer.Option("--to", metavar="ENDPOINT", help="Another endpoint.")] = None,
    event: Events = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether anything is sent.")] = None,
    description: Description = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Change a webhook: what is not named stays."""
    fields = {"url": endpoint, "events": event, "enabled": enabled, "description": description}
    wanted = {name: value for name, value in fields.items() if value is not None}
    _show(speak(url, as_user, lambda client, _: client.webhooks.change(webhook_id, **wanted)), as_json)


@group.command()
def delete(webhook_id: Id, as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """Remove a webhook; what waits for it is not sent any more."""
    speak(url, as_user, lambda client, _: client.webhooks.delete(webhook_id))
    if as_json:
        output.document({"deleted": webhook_id})
    else:
        output.line(f"deleted: {clean(webhook_id)}")


@group.command()
def rotate(webhook_id: Id, as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """A new secret, shown this once; the old one signs as well for 24 hours."""
    _show(speak(url, as_user, lambda client, _: client.webhooks.rotate(webhook_id)), as_json)


@group.command("test")
def send_test(webhook_id: Id, as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """Send a test event."""
    _queued(speak(url, as_user, lambda client, _: client.webhooks.test(webhook_id)), as_json)


@group.command()
def deliveries(
    webhook_id: Id,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 20,
    cursor: Cursor = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """What it was sent in the last 30 days, newest first."""
    page: SentPage = speak(
        url, as_user, lambda client, _: client.webhooks.deliveries(webhook_id, limit=limit, cursor=cursor)
    )
    if as_json:
        output.document(page)
        return
    if not page.items:
        output.line(f"Nothing was sent yet: `parley webhooks test {clean(webhook_id)}` sends a test event.")
        return
    shown = output.table("when", "event", "status", "attempts", "answer", "took", "next", "delivery")
    for sent in page.items:
        shown.add_row(*_row(sent))
    output.console().print(shown)
    if page.next_cursor:
        output.line(
            (f"more: parley webhooks deliveries {clean(webhook_id)} --cursor {clean(page.next_cursor)}", "dim"),
            stderr=True,
        )


@group.command()
def redeliver(
    webhook_id: Id,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="As `deliveries` lists it.")],
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send one again, with the same webhook-id."""
    _queued(speak(url, as_user, lambda client, _: client.webhooks.redeliver(webhook_id, delivery_id)), as_json)


@group.command()
def replay(
    webhook_id: Id,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="2026-11-20T10:00:00Z, or without a zone.")],
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Default: now.")] = None,
    event: Events = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send again what happened in a range of time, with the same webhook-ids."""
    begin, end = _time(since), _time(until) if until else datetime.now(UTC)
    told: Replaying = speak(url, as_user, lambda client, _: client.webhooks.replay(webhook_id, begin, end, event))
    if as_json:
        output.document(told)
    else:
        output.line(f"sent again: {begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S}, oldest first")


def _time(said: str) -> datetime:
    """Local where it names no zone."""
    try:
        return datetime.fromisoformat(said).astimezone(UTC)
    except (ValueError, OverflowError):
        raise failure(f"{said} is no time: 2026-11-20T10:00:00Z", NO_ANSWER) from None


def _state(hook: Hook) -> str:
    if not hook.enabled:
        return f"disabled: {hook.disabled.reason}" if hook.disabled else "disabled"
    return f"failing since {hook.failing_since.astimezone():%m-%d %H:%M}" if hook.failing_since else "enabled"


def _show(hook: Hook, as_json: bool) -> None:
    if as_json:
        output.document(hook)
        return
    output.line((clean(hook.webhook_id), "bold"), f"  {clean(hook.url)}  ", _state(hook))
    output.line(
        ("events  ", "dim"), clean(", ".join(hook.events)), f" ({'everybody' if hook.scope == 'all' else 'own'})"
    )
    if hook.description:
        output.line(("about   ", "dim"), clean(hook.description))
    if hook.secret:
        output.line(("secret  ", "dim"), (clean(hook.secret), "bold"), ("  shown this once", "dim"))
    if hook.old_secret_until:
        output.line(("old one ", "dim"), f"valid until {hook.old_secret_until.astimezone():%Y-%m-%d %H:%M}")


def _queued(told: Queued, as_json: bool) -> None:
    if as_json:
        output.document(told)
    else:
        output.line(f"{told.type} is on its way: `parley webhooks deliveries {told.webhook_id}`")


def _row(sent: Sent) -> list[str | Text]:
    answer = f"{sent.status_code}" if sent.status_code else sent.error.code if sent.error else ""
    following = f"{sent.next_attempt_at.astimezone():%m-%d %H:%M:%S}" if sent.next_attempt_at else ""
    return [
        f"{sent.timestamp.astimezone():%m-%d %H:%M:%S}",
        output.cell(sent.type),
        output.cell(sent.status, STYLES.get(sent.status, "")),
        f"{sent.attempt_count}",
        output.cell(answer),
        "" if sent.latency_ms is None else f"{sent.latency_ms:,.0f} ms",
        following,
        output.cell(sent.delivery_id),
    ]
