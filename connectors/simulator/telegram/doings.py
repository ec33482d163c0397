"""The simulator's own interface for what people do: `/_sim/telegram/people` and `/_sim/telegram/groups`."""

from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from connectors.simulator.admin import brought
from connectors.simulator.interface import Impossible, shown
from connectors.simulator.telegram.objects import Group, Json, Person, text_content
from connectors.simulator.telegram.people import file_content
from connectors.simulator.telegram.scene import Scene
from connectors.simulator.telegram.shapes import (
    BotStanding,
    By,
    Edited,
    Joined,
    NewGroup,
    NewPerson,
    Pressed,
    Reacted,
    Said,
    WithBot,
)
from connectors.simulator.telegram.world import World

MOST_FILE = 2_000 * 1024 * 1024


def people_routes(world: World) -> APIRouter:
    router = APIRouter(prefix="/_sim/telegram")
    scene = Scene(world)
    _people(router, scene)
    _talk(router, scene)
    _file(router, scene)
    _doors(router, scene)
    _groups(router, scene)
    return router


def _people(router: APIRouter, scene: Scene) -> None:
    @router.get("/people", tags=["People"])
    async def people() -> Response:
        return shown({"items": [_person(person) for person in scene.world.people.values()]})

    @router.post("/people", tags=["People"], status_code=201)
    async def add_person(body: NewPerson) -> Json:
        return _person(scene.people.add(**body.model_dump()))

    @router.post("/people/{who}/deactivate", tags=["People"])
    async def deactivate(who: str) -> Json:
        person = scene.people.found(who)
        person.is_deactivated = True
        scene.world.memory.write_soon()
        return _person(person)


def _talk(router: APIRouter, scene: Scene) -> None:
    @router.post("/people/{who}/say", tags=["People"])
    async def say(who: str, body: Said) -> Response:
        person, where, bot = scene.at(who, body)
        content = _content(scene.world, person, body)
        reply_to = scene.last_of(bot.id, bot, where) if body.reply_to == "last" else body.reply_to
        return shown(scene.people.say(person, where, bot, content, reply_to))

    @router.post("/people/{who}/edit", tags=["People"])
    async def edit(who: str, body: Edited) -> Response:
        person, where, bot = scene.at(who, body)
        message_id = body.message_id or scene.last_of(person.id, bot, where)
        return shown(scene.people.edit(person, where, bot, message_id, body.text))

    @router.post("/people/{who}/react", tags=["People"])
    async def react(who: str, body: Reacted) -> Response:
        person, where, bot = scene.at(who, body)
        message_id = body.message_id or scene.last_of(bot.id, bot, where)
        return shown(scene.people.react(person, where, bot, message_id, body.emoji))

    @router.post("/people/{who}/press", tags=["People"])
    async def press(who: str, body: Pressed) -> Response:
        person, where, bot = scene.at(who, body)
        message_id = body.message_id or scene.last_of(bot.id, bot, where, with_buttons=True)
        return shown(scene.people.press(person, where, bot, message_id, body.button))


def _file(router: APIRouter, scene: Scene) -> None:
    @router.post("/people/{who}/file", tags=["People"])
    async def file(
        who: str,
        request: Request,
        filename: str,
        size: Annotated[int | None, Query(ge=1, le=MOST_FILE)] = None,
        caption: Annotated[str | None, Query(max_length=1_024)] = None,
        photo: bool = False,
        chat: int | None = None,
        bot: int | None = None,
        reply_to: int | None = None,
    ) -> Response:
        """The body is the file; with `size` there is none, and so many bytes are made up."""
        person = scene.people.found(who)
        stored = await brought(scene.world.files, request, PurePath(filename).name, size, MOST_FILE)
        content = file_content(stored, caption, photo)
        return shown(scene.people.say(person, scene.place(person, chat), scene.bot(bot), content, reply_to))


def _doors(router: APIRouter, scene: Scene) -> None:
    @router.post("/people/{who}/block", tags=["People"])
    async def block(who: str, body: WithBot) -> Response:
        return shown(scene.people.block(scene.people.found(who), scene.bot(body.bot)))

    @router.post("/people/{who}/unblock", tags=["People"])
    async def unblock(who: str, body: WithBot) -> Response:
        return shown(scene.people.unblock(scene.people.found(who), scene.bot(body.bot)))

    @router.post("/people/{who}/join", tags=["People"])
    async def join(who: str, body: Joined) -> Response:
        return shown(scene.people.join(scene.people.found(who), scene.group(body.chat)))

    @router.post("/people/{who}/leave", tags=["People"])
    async def leave(who: str, body: Joined) -> Response:
        return shown(scene.people.leave(scene.people.found(who), scene.group(body.chat)))


def _groups(router: APIRouter, scene: Scene) -> None:
    @router.get("/groups", tags=["Groups"])
    async def groups() -> Response:
        return shown({"items": [_group(group) for group in scene.world.groups.values()]})

    @router.post("/groups", tags=["Groups"], status_code=201)
    async def add_group(body: NewGroup) -> Json:
        members = [scene.people.found(who) for who in body.members]
        group = scene.people.make_group(body.title, body.supergroup, members)
        if body.bot_is and members:
            scene.people.set_bot(group, members[0], scene.bot(body.bot), body.bot_is)
        return _group(group)

    @router.post("/groups/{chat}/bot", tags=["Groups"])
    async def set_bot(chat: int, body: BotStanding) -> Response:
        group = scene.group(chat)
        by = scene.somebody(group, body.by)
        return shown(scene.people.set_bot(group, by, scene.bot(body.bot), body.standing))

    @router.post("/groups/{chat}/migrate", tags=["Groups"])
    async def migrate(chat: int, body: By) -> Json:
        """It becomes a supergroup, under another id."""
        group = scene.group(chat)
        return _group(scene.people.migrate(group, scene.somebody(group, body.by)))


def _content(world: World, person: Person, body: Said) -> Json:
    given = [value for value in (body.text, body.location, body.kind) if value is not None]
    if len(given) != 1:
        raise Impossible("say one of text, location and kind")
    if body.text is not None:
        return text_content(body.text)
    if body.location is not None:
        return {"location": dict(zip(("latitude", "longitude"), body.location, strict=True))}
    return {str(body.kind): _odd(world, person)[str(body.kind)]}


def _odd(world: World, person: Person) -> dict[str, Any]:
    """What people send that is neither text nor file."""
    stored = world.files.make_up("odd", "application/octet-stream", 4_096)
    ids = {"file_id": stored.file_id, "file_unique_id": stored.unique_id, "file_size": stored.size}
    shape = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
    return {
        "sticker": {**ids, **shape, "emoji": "👍"},
        "voice": {**ids, "duration": 3, "mime_type": "audio/ogg"},
        "contact": {"phone_number": "16505551234", "first_name": person.first_name},
        "dice": {"emoji": "🎲", "value": 4},
    }


def _person(person: Person) -> Json:
    standing = {"started": sorted(person.started), "blocked": sorted(person.blocked)}
    return {**person.as_user(), **standing, "is_deactivated": person.is_deactivated}


def _group(group: Group) -> Json:
    members = {str(user): standing for user, standing in group.members.items()}
    return {**group.as_chat(), "members": members, "migrated_to": group.migrated_to}
