"""`parley status`, `history`, `tail`: messages, one by one and as they come."""

from datetime import datetime
from typing import Annotated

import typer

from clients.parley.cli import output
from clients.parley.cli.conversations import find
from clients.parley.cli.options import As, Json, To, Url
from clients.parley.cli.output import clean, clean_lines
from clients.parley.cli.route import route_line
from clients.parley.cli.running import speak
from clients.parley.cli.words import marks_of, reason_of, text_of
from clients.parley.client import ParleyClient
from clients.parley.frames import (
    Arrived,
    DeliveryChanged,
    Edited,
    ErrorReported,
    Pressed,
    Reacted,
    Receipt,
    Unsent,
)
from clients.parley.live import Interrupted, LiveChat, LiveEvent
from clients.parley.objects import Conversation, Message, MessageStatus

CHANGES = (Arrived, Edited, Unsent, Reacted, Pressed)
STYLES = {"READ": "cyan", "DELIVERED": "green", "FAILED": "red"}

Count = Annotated[int, typer.Option("-n", "--last", min=0, max=200, help="How many of the last messages to show.")]
Since = Annotated[int, typer.Option("-n", "--last", min=0, help="Of one conversation: begin so many messages ago.")]


def status(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The id that `send` has shown.")],
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Where a message is, and when it took which step."""
    found: MessageStatus = speak(url, as_user, lambda client, _: client.status(message))
    if as_json:
        output.document(found)
        return
    output.line((found.status, STYLES.get(found.status, "bold")), f"  number {found.sequence_number}")
    output.line((f"conversation {found.conversation_id}", "dim"))
    steps = output.table("step", "at", "after", "who", "channel")
    start = min((change.at for change in found.status_history), default=None)
    for change in sorted(found.status_history, key=lambda change: change.at):
        step = output.cell(change.status, STYLES.get(change.status, ""))
        who, channel = output.cell(change.recipient or ""), output.cell(change.channel or "")
        steps.add_row(step, _clock(change.at), _after(start, change.at), who, channel)
    output.console().print(steps)
    for delivery in found.deliveries:
        if delivery.error:
            words = f"{delivery.recipient} on {delivery.channel}: {reason_of(delivery.error)}"
            output.line((clean(words), "red"))
    for place in found.route.recipients if found.route else ():
        output.line((route_line(place), "dim"))


def history(
    to: To,
    last: Count = 20,
    before: Annotated[int | None, typer.Option("--before", metavar="NUMBER", help="Only older ones.")] = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """The last messages of a conversation, oldest first; --before goes further back."""

    async def work(client: ParleyClient, _: str) -> list[Message]:
        return await last_messages(client, (await find(client, to)).conversation_id, last, before)

    found = speak(url, as_user, work)
    if as_json:
        output.document({"items": found, "next_before": found[0].sequence_number if found else before})
        return
    for message in found:
        show(message)
    if found and found[0].sequence_number > 1:
        output.line((f"older: parley history {to} --before {found[0].sequence_number}", "dim"), stderr=True)


def tail(
    to: Annotated[str | None, typer.Argument(metavar="USER|CONVERSATION", help="Default: all.")] = None,
    last: Since = 10,
    every: Annotated[bool, typer.Option("--all", help="Receipts and statuses too.")] = False,
    peek: Annotated[bool, typer.Option("--peek", help="Do not acknowledge: the sender is not told.")] = False,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show messages as they come, until Ctrl-C.

    What waits comes first, and what is done to messages as it happens; cuts and restarts are healed. Each message is
    acknowledged, so its sender sees DELIVERED. With --json each event is one line."""

    async def work(client: ParleyClient, _: str) -> None:
        conversation = await find(client, to) if to else None
        chosen = conversation.conversation_id if conversation else None
        async with client.live(known=_known(conversation, last), deadline_s=15) as live:
            async for event in live:
                _told(event, chosen, every, as_json)
                _acknowledge(live, event, peek, chosen)

    speak(url, as_user, work)


async def last_messages(client: ParleyClient, conversation_id: str, count: int, before: int | None) -> list[Message]:
    if count == 0:
        return []
    found = await client.history_back(conversation_id, before=before, limit=count)
    return list(reversed(found.items))


def show(message: Message) -> None:
    """One message on one line, or on more where the text has more."""
    head = f"{message.created_at.astimezone():%H:%M:%S} "
    sender = clean(message.sender)
    body = clean_lines(text_of(message), " " * (len(head) + len(sender) + 2))
    output.line((head, "dim"), (sender, "bold"), f"  {body}", (marks_of(message), "dim"))


def _known(conversation: Conversation | None, last: int) -> dict[str, int]:
    """Where to begin, not behind anything unread."""
    if conversation is None:
        return {}
    number = conversation.last_sequence - max(last, conversation.unread_count)
    return {conversation.conversation_id: max(0, number)}


def _acknowledge(live: LiveChat, event: LiveEvent, peek: bool, chosen: str | None) -> None:
    """What was not shown was not delivered to anybody."""
    if isinstance(event, Arrived) and not peek and chosen in (None, event.conversation_id):
        live.ack(event.conversation_id, event.sequence_number)


def _told(event: LiveEvent, chosen: str | None, every: bool, as_json: bool) -> None:
    if isinstance(event, Interrupted):
        output.line((f"{clean(event.cause)}; again in {event.wait_s:.1f} s", "yellow"), stderr=True)
        return
    wanted = (*CHANGES, Receipt, DeliveryChanged, ErrorReported) if every else CHANGES
    if not isinstance(event, wanted) or chosen not in (None, getattr(event, "conversation_id", chosen)):
        return
    if as_json:
        output.json_line(event)
    elif isinstance(event, Message):
        show(event)
    else:
        output.line((clean(_change(event) or _fact(event)), "dim"))


def _change(event: LiveEvent) -> str:
    """What somebody did to a message."""
    match event:
        case Edited(sequence_number=number, text=text):
            return f"message {number} says now: {text}"
        case Unsent(sequence_number=number):
            return f"message {number} was taken back"
        case Reacted(username=username, sequence_number=number, reactions=reactions):
            return f"{username} reacts to message {number}: {' '.join(reactions) or 'no more'}"
        case Pressed(username=username, sequence_number=number, data=data):
            return f"{username} pressed a button of message {number}: {data}"
    return ""


def _fact(event: LiveEvent) -> str:
    match event:
        case Receipt(username=username, status=status, sequence_number=number):
            return f"{username} has {'read' if status == 'READ' else 'got'} everything up to {number}"
        case DeliveryChanged(recipient=recipient, channel=channel, status=status, sequence_number=number):
            return f"message {number} to {recipient} on {channel}: {status}"
        case ErrorReported(problem=problem):
            return f"error: {problem.detail or problem.code}"
    return ""


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}.{at.microsecond // 1000:03d}"


def _after(start: datetime | None, at: datetime) -> str:
    took_s = (at - start).total_seconds() if start else 0.0
    return f"+{took_s * 1000:.0f} ms" if took_s < 10 else f"+{took_s:.0f} s"
