"""What people do, over HTTP: the simulator's own interface below `/_sim/<platform>/people`."""

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from connectors.simulator.admin import brought
from connectors.simulator.interface import Json, shown
from connectors.simulator.messaging.objects import Person
from connectors.simulator.messaging.people import People, shown_file
from connectors.simulator.messaging.shapes import Delivered, Edited, Kind, NewPerson, Online, Said, Unsent
from connectors.simulator.messaging.world import World
from connectors.simulator.meta.people import ends, people_routes, standing
from connectors.simulator.meta.shapes import Pressed, Reacted

MOST_FILE = 1024**3
LAST = "last"


def person_routes(world: World) -> APIRouter:
    router = APIRouter(prefix=f"/_sim/{world.kind.name}")
    people = People(world)
    people_routes(router, people, _person)
    _people(router, people)
    _talk(router, people)
    _changes(router, people)
    return router


def _people(router: APIRouter, people: People) -> None:
    @router.post("/people", tags=["People"], status_code=201)
    async def add_person(body: NewPerson) -> Json:
        return _person(people.add(**body.model_dump()))

    @router.post("/people/{who}/online", tags=["People"])
    async def set_online(who: str, body: Online) -> Json:
        person = people.found(who)
        person.is_online = body.online
        people.world.memory.write_soon()
        return _person(person)

    @router.post("/people/{who}/deliver", tags=["People"])
    async def deliver(who: str, body: Delivered) -> Response:
        """What waited for a phone that was not online."""
        return shown(people.deliver(*ends(people, who, body.bot), body.with_mids))


def _talk(router: APIRouter, people: People) -> None:
    @router.post("/people/{who}/say", tags=["People"])
    async def say(who: str, body: Said) -> Response:
        person, account = ends(people, who, body.bot)
        reply_to = people.world.last_id(account.id, person.id) if body.reply_to == LAST else body.reply_to
        return shown(people.say(person, account, reply_to, text=body.text))

    @router.post("/people/{who}/file", tags=["People"])
    async def file(
        who: str,
        request: Request,
        filename: str,
        kind: Kind | None = None,
        size: Annotated[int | None, Query(ge=1, le=MOST_FILE)] = None,
        caption: Annotated[str | None, Query(max_length=1_024)] = None,
        bot: str | None = None,
        reply_to: str | None = None,
    ) -> Response:
        """The body is the file; with `size` there is none, and so many bytes are made up. `kind` is by its type."""
        person, account = ends(people, who, bot)
        stored = await brought(people.world.files, request, PurePath(filename).name, size, MOST_FILE)
        attachments = shown_file(people.world, stored, str(request.base_url), kind)
        return shown(people.say(person, account, reply_to, text=caption, attachments=attachments))

    @router.post("/people/{who}/press", tags=["People"])
    async def press(who: str, body: Pressed) -> Response:
        return shown(people.press(*ends(people, who, body.bot), body.message_id, body.button))


def _changes(router: APIRouter, people: People) -> None:
    @router.post("/people/{who}/edit", tags=["People"])
    async def edit(who: str, body: Edited) -> Response:
        person, account = ends(people, who, body.bot)
        mid = body.message_id or people.world.last_id(account.id, person.id, is_ours=False)
        return shown(people.edit(person, account, mid, body.text))

    @router.post("/people/{who}/unsend", tags=["People"])
    async def unsend(who: str, body: Unsent) -> Response:
        person, account = ends(people, who, body.bot)
        mid = body.message_id or people.world.last_id(account.id, person.id, is_ours=False)
        return shown(people.unsend(person, account, mid))

    @router.post("/people/{who}/react", tags=["People"])
    async def react(who: str, body: Reacted) -> Response:
        person, account = ends(people, who, body.bot)
        mid = body.message_id or people.world.last_id(account.id, person.id)
        return shown(people.react(person, account, mid, body.emoji))


def _person(person: Person) -> Json:
    names = {"id": person.id, "first_name": person.first_name, "last_name": person.last_name}
    return {**{name: value for name, value in names.items() if value is not None}, **standing(person)}
