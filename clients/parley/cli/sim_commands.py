"""How the commands of `parley sim` are made: the options that all of them have, and what they show."""

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any
from urllib.parse import quote

import typer

from clients.parley.cli import output
from clients.parley.cli.groups import PlainGroup
from clients.parley.cli.options import Json
from clients.parley.cli.simulator import DEFAULT_CHANNEL, DEFAULT_SIMULATOR, Fields, There

Where = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help=f"The simulator. Default: PARLEY_SIMULATOR_URL, else {DEFAULT_SIMULATOR}."
    ),
]
Who = Annotated[str, typer.Argument(metavar="WHO", help="A person there: id, username or first name.")]
Bot = Annotated[str | None, typer.Option("--bot", metavar="ID", help="The account; needed where there are several.")]

On = Annotated[str, typer.Option("--channel", metavar="CHANNEL", help="The platform.")]

group = typer.Typer(
    help="People on simulated platforms: what they write and get, and what goes wrong there.",
    no_args_is_help=True,
    cls=PlainGroup,
)


def command(default_channel: str = DEFAULT_CHANNEL) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a command of what gets `There` first: after its own options it has --url, --channel and --json."""

    def made(does: Callable[..., None]) -> Callable[..., None]:
        @wraps(does)
        def run(url: str | None, channel: str, as_json: bool, **own: Any) -> None:
            does(There(url, channel, as_json), **own)

        own = [*signature(does).parameters.values()][1:]
        _declare(run, [*own, *_options(url=(Where, None), channel=(On, default_channel), as_json=(Json, False))])
        return group.command()(run)

    return made


def deed(
    path: str | None = None, default_channel: str = DEFAULT_CHANNEL
) -> Callable[[Callable[..., Fields]], Callable[..., None]]:
    """Makes a command of what says the body to post for a person, to the `path` or that of its own name."""

    def made(says: Callable[..., Fields]) -> Callable[..., None]:
        @wraps(says)
        def does(there: There, who: str, bot: str | None, **own: Any) -> None:
            do(there, who, path or says.__name__, {**says(**own), "bot": bot})

        first = Parameter("there", Parameter.KEYWORD_ONLY)
        who = Parameter("who", Parameter.KEYWORD_ONLY, annotation=Who)
        own = signature(says).parameters.values()
        _declare(does, [first, who, *own, *_options(bot=(Bot, None))])
        return command(default_channel)(does)

    return made


def _options(**given: tuple[Any, Any]) -> list[Parameter]:
    return [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in given.items()
    ]


def _declare(command: Callable[..., None], parameters: Iterable[Parameter]) -> None:
    """What Typer reads of a function is this."""
    named = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in parameters]
    command.__signature__ = signature(command).replace(parameters=named)  # type: ignore[attr-defined]  # as inspect says
    command.__annotations__ = {each.name: each.annotation for each in named}


def do(there: There, who: str, what: str, body: Fields) -> None:
    show_done(there.ask("POST", f"people/{quote(who, safe='')}/{what}", body), there.as_json)


def show_done(done: Any, as_json: bool) -> None:
    """What came of it: the message, and the updates that bots will get."""
    if as_json:
        output.document(done)
        return
    message = f"message {done['message_id']} in " if "message_id" in done else ""
    updates = ", ".join(map(str, done.get("updates", [])))
    told = f"update {updates}" if updates else "no webhook is told of it"
    output.line(("✓ ", "green"), f"{message}chat {done['chat']}  ", (told, "dim"))
