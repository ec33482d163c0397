"""`parley register`, `login`, `logout`, `whoami`, `map`, `verify`: who and where one is, and one's session."""

import os
import sys
from typing import Annotated

import typer

from clients.parley.cli import output, profiles
from clients.parley.cli.options import As, Json, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import NOT_LOGGED_IN, NOT_REACHED, client_of, failure, gateway, run, speak
from clients.parley.client import ParleyClient
from clients.parley.objects import Me, Profile

Name = Annotated[str, typer.Argument(metavar="USER", help="3 to 64 of a-z 0-9 . _ -, a letter first.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input. PARLEY_PASSWORD does as well."),
]

TAKE_AWAY = "-"
UNPROVEN = "  not proven yet: parley verify CHANNEL CODE"


def register(
    username: Name,
    display_name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="How others see you.")] = None,
    password_stdin: FromStdin = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make a user, and log in.

    The password has 10 characters at least. Example: parley register ana --name "Ana Alves" """
    where = gateway(url)
    profile = _profile(username, where)
    password = _password(username, password_stdin, confirm=True)

    async def work() -> Profile:
        async with client_of(where) as client:
            made = await client.register(username, password, display_name)
            await client.log_in(username, password)
            profile.save(client.session.grant)
            return made

    made = run(where, work(), username)
    profiles.choose(profile)
    if as_json:
        output.document(made)
    else:
        output.line((f"{username} is registered and logged in", "green"), f" at {where}")


def login(username: Name, password_stdin: FromStdin = False, url: Url = None, as_json: Json = False) -> None:
    """Start a session and keep it.

    It stands in ~/.local/state/parley, readable for you alone. Several people may be logged in; commands speak for the
    last one, or with --as for another."""
    where = gateway(url)
    profile = _profile(username, where)
    password = _password(username, password_stdin, confirm=False)

    async def work() -> None:
        async with client_of(where) as client:
            await client.log_in(username, password)
            profile.save(client.session.grant)

    run(where, work(), username)
    profiles.choose(profile)
    if as_json:
        output.document({"username": username, "url": where, "session_file": str(profile.path)})
    else:
        output.line((f"{username} is logged in", "green"), f" at {where}")


def logout(as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """End the session: here and, within two seconds, on every server and socket."""
    where = gateway(url)
    try:
        username = profiles.chosen(as_user, where, os.environ).username
    except profiles.NoSessionError as error:
        raise failure(str(error), NOT_LOGGED_IN) from None
    speak(url, username, lambda client, _: client.log_out())
    if as_json:
        output.document({"username": username, "url": where})
    else:
        output.line(f"{username} is logged out at {where}")


def whoami(as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """Who the commands speak for, with roles and addresses on channels."""
    me: Me = speak(url, as_user, lambda client, _: client.me())
    if as_json:
        output.document(me)
        return
    output.line((me.username, "bold"), f"  {clean(me.display_name or '')}  at {gateway(url)}")
    output.line(("roles     ", "dim"), clean(", ".join(me.roles)) or "user")
    for mapping in me.channels:
        output.line(
            (f"{clean(mapping.channel):<10}", "dim"), clean(mapping.address), "" if mapping.in_use else UNPROVEN
        )


def map_(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="telegram, …")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A chat's id, a phone number …; - takes it away.")],
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say where you are reached on a channel, so that messages find you there.

    Where the platform asks for a proof, a code is sent there: parley verify telegram CODE.
    Example: parley map telegram 5000000001"""

    async def work(client: ParleyClient, _: str) -> Me:
        if address == TAKE_AWAY:
            await client.unmap_channel(channel)
        else:
            await client.map_channel(channel, address)
        return await client.me()

    me = speak(url, as_user, work)
    if as_json:
        output.document(me)
        return
    _say_where(me)


def verify(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="telegram, …")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="What was sent to the address.")],
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Prove that an address is yours, by the code that was sent there.

    Example: parley verify telegram 402913"""

    async def work(client: ParleyClient, _: str) -> Me:
        await client.verify_channel(channel, code)
        return await client.me()

    me = speak(url, as_user, work)
    if as_json:
        output.document(me)
    else:
        _say_where(me)


def _say_where(me: Me) -> None:
    where = [f"{mapping.channel} {mapping.address}" for mapping in me.channels if mapping.in_use]
    output.line((me.username, "bold"), f" is reached here{''.join(' and at ' + clean(place) for place in where)}")
    for one in me.channels:
        if not one.in_use:
            output.line(
                f"a code was sent to {clean(one.channel)} {clean(one.address)}: parley verify {one.channel} CODE"
            )


def _profile(username: str, url: str) -> profiles.Profile:
    try:
        return profiles.named(username, url, os.environ)
    except profiles.NoSessionError as error:
        raise failure(str(error), NOT_REACHED) from None


def _password(username: str, from_stdin: bool, *, confirm: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if given := os.environ.get("PARLEY_PASSWORD"):
        return given
    if not sys.stdin.isatty():
        raise failure("No terminal to ask for the password: use --password-stdin or PARLEY_PASSWORD.", NOT_REACHED)
    words: str = typer.prompt(f"Password of {username}", hide_input=True, confirmation_prompt=confirm, err=True)
    return words
