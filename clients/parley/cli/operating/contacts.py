"""`parley contacts list|show|merge|unmerge`: the people on platforms, and which contacts are one person."""

import shlex
from typing import Annotated

import typer

from clients.parley.cli import output
from clients.parley.cli.groups import unless_named
from clients.parley.cli.operating.desk import At, operate
from clients.parley.cli.options import As, Cursor, Json, Url
from clients.parley.cli.output import cell, clean
from clients.parley.contacts import Contact, ContactPage, ContactPerson, Merging, Unmerging

Name = Annotated[str, typer.Argument(metavar="CONTACT", help="As `parley contacts` shows it: telegram:42.")]

group = typer.Typer(
    help="The people on platforms: the list, unless another is named. For operators.", cls=unless_named("list")
)


@group.command("list")
def list_(
    channel: Annotated[str | None, typer.Option("--channel", metavar="CHANNEL", help="Only those there.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=200, help="How many.")] = 50,
    cursor: Cursor = None,
    as_user: As = None,
    url: Url = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Contacts by name: who they say they are, their addresses, and whom they are merged into."""
    page: ContactPage = operate(
        url, as_user, at, lambda operators: operators.contacts(channel=channel, limit=limit, cursor=cursor)
    )
    if as_json:
        output.document(page)
        return
    if not page.items:
        output.line((f"Nobody has written on {clean(channel) if channel else 'any platform'} yet.", "dim"))
        return
    _table(page.items)
    if page.next_cursor:
        same = ["--channel", channel] if channel else []
        again = shlex.join(["parley", "contacts", "list", *same, "--cursor", page.next_cursor])
        output.line((f"more: {clean(again)}", "dim"), stderr=True)


@group.command()
def show(contact: Name, as_user: As = None, url: Url = None, at: At = None, as_json: Json = False) -> None:
    """A contact, with all that are the same person, and where messages for it go."""
    found: ContactPerson = operate(url, as_user, at, lambda operators: operators.contact(contact))
    if as_json:
        output.document(found)
    else:
        _person(found)


@group.command()
def merge(
    contact: Name,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Who is the same person.")],
    preview: Annotated[bool, typer.Option("--preview", help="Show what it would bring, and change nothing.")] = False,
    as_user: As = None,
    url: Url = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """OTHER is the same person as CONTACT from now on. What was said stays where it is.

    Example: parley contacts merge telegram:42 whatsapp:16505551234 --preview"""
    done: Merging = operate(url, as_user, at, lambda operators: operators.merge(contact, other, preview=preview))
    if as_json:
        output.document(done)
        return
    output.line((done.outcome.replace("_", " "), "bold"), f"  {clean(other)} is {clean(done.person.name)}")
    _person(done.person)
    for one in done.conversations:
        output.line((f"{one.type:<10}", "dim"), one.conversation_id, "  ", clean(", ".join(one.members)))
    for objection in done.objections:
        style = "red" if objection.blocking else "yellow"
        output.line((f"{objection.code:<10} ", style), clean(objection.detail))


@group.command()
def unmerge(contact: Name, as_user: As = None, url: Url = None, at: At = None, as_json: Json = False) -> None:
    """CONTACT is a person of its own again; all is as it was before it was merged."""
    done: Unmerging = operate(url, as_user, at, lambda operators: operators.unmerge(contact))
    if as_json:
        output.document(done)
    else:
        output.line((done.outcome.replace("_", " "), "bold"), f"  {clean(contact)}")


def _person(person: ContactPerson) -> None:
    _table(person.contacts)
    reached = ", ".join(f"{channel} {address}" for channel, address in person.addresses.items())
    output.line(("messages go to ", "dim"), clean(reached))


def _table(contacts: tuple[Contact, ...]) -> None:
    shown = output.table("contact", "name", "addresses", "is", "user")
    for one in contacts:
        addresses = ", ".join(f"{i.kind} {i.value}" for i in one.identities)
        users = ", ".join(dict.fromkeys(i.user for i in one.identities if i.user))
        merged = one.merged.into if one.merged else ""
        shown.add_row(cell(one.name), cell(one.display_name), cell(addresses), cell(merged), cell(users))
    output.console().print(shown)
