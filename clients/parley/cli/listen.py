"""`parley webhooks listen`: a receiver on this machine that verifies what comes and prints it."""

from contextlib import AsyncExitStack
from typing import Annotated

import typer

from clients.parley.cli import output
from clients.parley.cli.options import As, Json, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import NOT_REACHED, failure, gateway, is_this_machine, run, speak
from clients.parley.cli.webhooks import Events
from clients.parley.client import ParleyClient
from clients.parley.webhooks import Listener, Told, WrongSignatureError
from clients.parley.webhooks import listen as listening


def listen(
    event: Events = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0: a free one.")] = 0,
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="SECRET", help="Of a webhook that leads here already; none is registered."),
    ] = None,
    answer: Annotated[int, typer.Option("--answer", min=200, max=599, help="The status that is answered.")] = 200,
    count: Annotated[int, typer.Option("--count", min=0, help="End after so many events; 0: never.")] = 0,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Print your events as they happen, until Ctrl-C, by a webhook that is registered for as long.

    A request whose signature does not hold is refused, and said on standard error."""

    async def work(client: ParleyClient | None) -> None:
        async with AsyncExitStack() as resources:
            try:
                listener = await resources.enter_async_context(listening(port, secret or ""))
            except OSError as error:
                raise failure(f"port {port}: {error.strerror}", NOT_REACHED) from None
            listener.answer = lambda _: answer
            if client is not None:
                hook = await client.webhooks.create(listener.url, events=event, description="parley webhooks listen")
                listener.secret = hook.secret or ""
                resources.push_async_callback(client.webhooks.delete, hook.webhook_id)
            if not as_json:
                output.line((f"listening at {listener.url}, until Ctrl-C", "dim"), stderr=True)
            await _print(listener, count, as_json)

    where = gateway(url)
    if secret is not None:
        run(where, work(None))
    elif not is_this_machine(where):
        words = f"{where} is not this machine and cannot call it: register a public address, and give its --secret"
        raise failure(words, NOT_REACHED)
    else:
        speak(url, as_user, lambda client, _: work(client))


async def _print(listener: Listener, count: int, as_json: bool) -> None:
    printed = 0
    while not count or printed < count:
        told = await listener.events.get()
        if isinstance(told, WrongSignatureError):
            output.line((f"refused: {told}", "red"), stderr=True)
            continue
        printed += 1
        if as_json:
            output.json_line(told)
        else:
            _line(told)


def _line(told: Told) -> None:
    data = told.data
    about = " ".join(clean(f"{data[name]}") for name in ("from", "recipient", "channel", "filename") if data.get(name))
    text = (data.get("payload") or {}).get("text")
    output.line(
        ("✓ ", "green"),
        (clean(told.timestamp[11:23]), "dim"),
        f"  {clean(told.type)}  {about}",
        f"  {clean(text)}" if text else "",
        (f"  {clean(told.id)}", "dim"),
    )
