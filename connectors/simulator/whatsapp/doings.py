"""What people do, over HTTP: the simulator's own interface below `/_sim/whatsapp/people`."""

from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from connectors.simulator.admin import brought
from connectors.simulator.interface import Impossible, Json, shown
from connectors.simulator.meta.people import ends, people_routes, standing
from connectors.simulator.meta.shapes import Pressed, Reacted
from connectors.simulator.whatsapp.objects import Person
from connectors.simulator.whatsapp.people import People
from connectors.simulator.whatsapp.shapes import Moved, NewPerson, Online, Played, Said
from connectors.simulator.whatsapp.world import World

MOST_FILE = 100_000_000
LAST = "last"


def person_routes(world: World) -> APIRouter:
    router = APIRouter(prefix="/_sim/whatsapp")
    people = People(world)
    people_routes(router, people, _person)
    _people(router, people)
    _talk(router, people)
    _file(router, people)
    _receipts(router, people)
    return router


def _people(router: APIRouter, people: People) -> None:
    @router.post("/people", tags=["People"], status_code=201)
    async def add_person(body: NewPerson) -> Json:
        return _person(people.add(**body.model_dump()))

    @router.post("/people/{who}/number", tags=["People"])
    async def change_number(who: str, body: Moved) -> Response:
        return shown(people.change_number(*ends(people, who, body.bot), body.number))


def _talk(router: APIRouter, people: People) -> None:
    @router.post("/people/{who}/say", tags=["People"])
    async def say(who: str, body: Said) -> Response:
        person, account = ends(people, who, body.bot)
        kind, content = _content(body)
        reply_to = people.world.last_id(account.id, person.id) if body.reply_to == LAST else body.reply_to
        return shown(people.say(person, account, kind, content, reply_to))

    @router.post("/people/{who}/react", tags=["People"])
    async def react(who: str, body: Reacted) -> Response:
        person, account = ends(people, who, body.bot)
        wamid = body.message_id or people.world.last_id(account.id, person.id)
        return shown(people.react(person, account, wamid, body.emoji))

    @router.post("/people/{who}/press", tags=["People"])
    async def press(who: str, body: Pressed) -> Response:
        person, account = ends(people, who, body.bot)
        wamid = body.message_id or people.world.last_id(account.id, person.id)
        return shown(people.press(person, account, wamid, body.button))


def _file(router: APIRouter, people: People) -> None:
    @router.post("/people/{who}/file", tags=["People"])
    async def file(
        who: str,
        request: Request,
        filename: str,
        size: Annotated[int | None, Query(ge=1, le=MOST_FILE)] = None,
        caption: Annotated[str | None, Query(max_length=1_024)] = None,
        voice: bool = False,
        bot: str | None = None,
        reply_to: str | None = None,
    ) -> Response:
        """The body is the file; with `size` there is none, and so many bytes are made up."""
        person, account = ends(people, who, bot)
        stored = await brought(people.world.files, request, PurePath(filename).name, size, MOST_FILE)
        return shown(people.send(person, account, stored, caption, reply_to, voice=voice))


def _receipts(router: APIRouter, people: People) -> None:
    @router.post("/people/{who}/online", tags=["People"])
    async def set_online(who: str, body: Online) -> Response:
        """A phone that is switched on gets what waited for it."""
        person, account = ends(people, who, body.bot)
        person.reads = person.reads if body.reads is None else body.reads
        if body.online:
            return shown(people.come_online(person, account))
        person.is_online = False
        people.world.memory.write_soon()
        return shown({"chat": person.id})

    @router.post("/people/{who}/play", tags=["People"])
    async def play(who: str, body: Played) -> Response:
        person, account = ends(people, who, body.bot)
        return shown(people.play(person, account, body.message_id or people.world.last_id(account.id, person.id)))


def _content(body: Said) -> tuple[str, Any]:
    given = [value for value in (body.text, body.location, body.kind) if value is not None]
    if len(given) != 1:
        raise Impossible("say one of text, location and kind")
    if body.text is not None:
        return "text", {"body": body.text}
    if body.location is not None:
        return "location", dict(zip(("latitude", "longitude"), body.location, strict=True))
    return str(body.kind), ODD[str(body.kind)]


ODD: dict[str, Any] = {
    "contacts": [{"name": {"formatted_name": "Bo Berg", "first_name": "Bo"}, "phones": [{"phone": "+43 660 1234567"}]}],
    "sticker": {"id": "1", "mime_type": "image/webp", "animated": False},
    "order": {"catalog_id": "1", "text": "", "product_items": []},
    "unsupported": None,
}


def _person(person: Person) -> Json:
    names = {"id": person.id, "first_name": person.first_name, "username": person.username}
    return {**{name: value for name, value in names.items() if value is not None}, **standing(person)}
