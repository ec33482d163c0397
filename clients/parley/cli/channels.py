"""`parley channels list`: what each channel can do, and which ones this platform has."""

import typer
from rich.text import Text

from clients.parley.cli import output
from clients.parley.cli.groups import PlainGroup
from clients.parley.cli.options import As, Json, Url
from clients.parley.cli.running import speak
from clients.parley.objects import Channel

FIRST = {"free": "yes", "template": "by a template", "never": "no, they do"}

group = typer.Typer(no_args_is_help=True, cls=PlainGroup, help="The channels that messages can take.")


@group.command("list")
def list_(as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """What each channel can do: `configured` are those that this platform has an account for.

    `--json` shows all that is known of each."""
    found = speak(url, as_user, lambda client, _: client.channels())
    if as_json:
        output.document({"items": found})
        return
    shown = output.table("channel", "configured", "text", "tells up to", "write first", "window", "largest file")
    for one in found:
        style = "green" if one.configured else "dim"
        shown.add_row(output.cell(one.channel), output.cell("yes" if one.configured else "no", style), *_facts(one))
    output.console().print(shown)


def _facts(channel: Channel) -> list[Text]:
    window = f"{channel.window['hours']} h" if channel.window else "none"
    file = channel.files.get("file", {}).get("max_bytes")
    return [
        output.cell(f"{channel.text.max:,} {channel.text.counted_in}"),
        output.cell(channel.status_ceiling),
        output.cell(FIRST.get(channel.first_contact, channel.first_contact)),
        output.cell(window),
        output.cell(f"{file / 1e6:,.0f} MB" if file else ""),
    ]
