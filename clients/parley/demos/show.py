"""How the demo looks on a terminal: the chat as it happens, then a table of times, then where to go on."""

import json

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clients.parley.demos.basic import STEPS, Line, Story, Told
from clients.parley.frames import Arrived, Receipt

COLOURS = ("cyan", "magenta")


class Silent:
    """Says nothing, for output that a program reads."""

    def began(self, names: tuple[str, ...], conversation_id: str) -> None:
        pass

    def arrived(self, line: Line, message: Arrived, took_ms: float) -> None:
        pass

    def receipt(self, receipt: Receipt, seen_by: str) -> None:
        pass


class Chat:
    """Prints each text when the other's socket has it, and each receipt when the sender's socket has it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def began(self, names: tuple[str, ...], conversation_id: str) -> None:
        shown = " and ".join(f"[{COLOURS[n]}]{name}[/]" for n, name in enumerate(names))
        self._console.print(f"{shown} are registered, logged in and connected.")
        self._console.print(f"[dim]conversation {conversation_id}[/]\n")

    def arrived(self, line: Line, message: Arrived, took_ms: float) -> None:
        who = f"[{COLOURS[line.speaker]}]{message.sender}[/]"
        self._console.print(f"{who}  {escape(message.text)}")
        way = f"number {message.sequence_number}, sent by {line.by}, at the other's socket after {took_ms:.0f} ms"
        self._console.print(f"  [dim]{way}[/]")

    def receipt(self, receipt: Receipt, seen_by: str) -> None:
        mark = "✓✓" if receipt.status == "READ" else "✓"
        number = receipt.sequence_number
        self._console.print(f"  [dim]{mark} {seen_by} sees: {receipt.username}, {receipt.status} up to {number}[/]")


def show_story(story: Story, console: Console) -> None:
    """The times of every message, what is missing in red, and where to go on."""
    console.print(_times(story.messages))
    if story.missing:
        console.print("Not reached:", style="bold red")
        for what in story.missing:
            console.print(f"  {what}", style="red", markup=False)
        console.print("`make status` and `make logs` say more.\n", style="red", markup=False)
        return
    console.print(f"[green]All {len(story.messages)} messages are READ.[/]\n")
    console.print("Go on as one of the two (they are throw-away users of this run):\n")
    console.print(curl_lines(story), markup=False, soft_wrap=True)


def _times(messages: tuple[Told, ...]) -> Table:
    table = Table(title="What GET /v1/messages/{id}/status reports", title_justify="left", title_style="bold")
    for heading in ("#", "from", "sent by"):
        table.add_column(heading)
    for step in STEPS:
        table.add_column(step if step == STEPS[0] else f"→ {step}", justify="right")
    for message in messages:
        number = str(message.sequence_number or "?")
        table.add_row(number, message.sender, message.by, *(_cell(message, step) for step in STEPS))
    return table


def _cell(message: Told, step: str) -> str:
    found = next((one for one in message.timeline if one.status == step), None)
    if found is None:
        return "[red]-[/]"
    if step == STEPS[0]:
        return f"{found.at:%H:%M:%S}.{found.at.microsecond // 1000:03d}"
    return f"+{found.after_ms:.0f} ms"


def curl_lines(story: Story) -> str:
    """Commands that log in as the first user, send into the demo's conversation and show its history."""
    user = story.users[0]
    curl = "curl -k" if story.gateway.startswith("https") else "curl"
    body = json.dumps(
        {"conversation_id": story.conversation_id, "payload": {"type": "text", "text": "my first own message"}}
    )
    pick = """python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'"""
    return "\n".join(
        [
            f"TOKEN=$({curl} -s {story.gateway}/v1/auth/token -d grant_type=password \\",
            f"  -d username={user.username} -d password={user.password} | {pick})",
            f'{curl} {story.gateway}/v1/messages -H "Authorization: Bearer $TOKEN" \\',
            f"  -H 'Content-Type: application/json' -d '{body}'",
            f"{curl} {story.gateway}/v1/conversations/{story.conversation_id}/messages \\",
            '  -H "Authorization: Bearer $TOKEN"',
        ]
    )
