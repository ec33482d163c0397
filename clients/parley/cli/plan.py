"""`parley plan`: where a message would go, without sending it."""

from typing import Annotated, Any

import typer

from clients.parley.cli import output
from clients.parley.cli.conversations import find_or_open
from clients.parley.cli.options import As, Channels, Json, To, Url
from clients.parley.cli.route import RouteOption, read_route
from clients.parley.cli.running import NOT_REACHED, failure, speak
from clients.parley.client import ParleyClient
from clients.parley.objects import Plan, PlannedDelivery

STYLES = {"goes": "green", "waits": "yellow", "fails": "red"}


def plan(
    to: To,
    text: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="Words.")] = None,
    file: Annotated[str | None, typer.Option("--file", metavar="FILE_ID", help="Of a file that is uploaded.")] = None,
    channel: Channels = None,
    route: RouteOption = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show where a message would go, by which account, adapted how, and why not. Nothing is sent.

    Examples: parley plan ben hello --channel all · parley plan ben hello --route internal:DELIVERED:60,telegram"""
    words, steps = " ".join(text or []), read_route(route, channel)
    if not words and not file:
        raise failure("There is nothing to plan.", NOT_REACHED)
    payload: dict[str, Any] = {"type": "text", "text": words}
    if file:
        payload = {"type": "file", "file_id": file} | ({"caption": words} if words else {})

    async def work(client: ParleyClient, _: str) -> Plan:
        chat = await find_or_open(client, to)
        return await client.plan(chat.conversation_id, payload=payload, channels=channel, route=steps)

    found: Plan = speak(url, as_user, work)
    if as_json:
        output.document(found)
    else:
        _show(found)


def _show(found: Plan) -> None:
    table = output.table("who", "channel", "", "begins", "account", "as")
    for one in found.deliveries:
        cells = (output.cell(word) for word in (_begins(one), one.account or "", _form(one)))
        verdict = output.cell(one.verdict, STYLES.get(one.verdict, ""))
        table.add_row(output.cell(one.recipient), output.cell(one.channel), verdict, *cells)
    output.console().print(table)
    for one in found.deliveries:
        for reason in one.reasons:
            words = f"{one.recipient} on {one.channel}: {reason['detail']} ({reason['code']})"
            output.line((output.clean(words), STYLES.get(one.verdict, "")))


def _begins(one: PlannedDelivery) -> str:
    return f"after {one.after_s} s" if one.after_s else "at once"


def _form(one: PlannedDelivery) -> str:
    """How many messages it becomes there, and what is changed."""
    pieces = f"{one.pieces} messages" if one.pieces > 1 else "1 message"
    return ", ".join([pieces, *one.adapted])
