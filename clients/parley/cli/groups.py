"""How commands are listed and explained: their order, which is meant where none is named, and options without types."""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class Plain(TyperCommand):
    """Help shows a switch by its name alone: it takes no value."""

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """The same for what has commands of its own."""

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params(ctx))


def plainly(group: typer.Typer) -> typer.Typer:
    """The same, whose commands are `Plain`."""
    for command in group.registered_commands:
        command.cls = Plain
    return group


def in_order(names: Sequence[str]) -> type[TyperGroup]:
    """Help shows these first, as they stand here, groups among commands; then all others."""
    places = {name: place for place, name in enumerate(names)}

    class Group(PlainGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return sorted(super().list_commands(ctx), key=lambda name: places.get(name, len(places)))

    return Group


def unless_named(default: str) -> type[TyperGroup]:
    """`parley demo --json` is then `parley demo basic --json`. The context is of a class that typer keeps to itself."""

    class Group(PlainGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            names_none = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
            return super().parse_args(ctx, [default, *args] if names_none else args)

    return Group


def _without_types(params: Any) -> Any:
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params
