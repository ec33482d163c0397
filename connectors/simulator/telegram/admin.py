"""The simulator's own interface for Telegram, under `/_sim/telegram`: what people do, what arrived, what goes wrong."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import Response

from connectors.simulator.admin import count_route, limit_routes
from connectors.simulator.interface import After, Impossible, Limit, fault_routes, shown
from connectors.simulator.telegram.objects import Json
from connectors.simulator.telegram.scene import Scene
from connectors.simulator.telegram.shapes import NewBot, RawUpdate
from connectors.simulator.telegram.world import PLATFORM_RATES, Bot, World


def admin_routes(world: World, refuse: Callable[[float], None]) -> APIRouter:
    router = APIRouter(prefix="/_sim/telegram")
    scene = Scene(world)
    _bots(router, world, scene)
    fault_routes(router, lambda: world.faults, refuse)
    limit_routes(router, world, PLATFORM_RATES)
    count_route(router, world, lambda: {bot.id: bot.queue for bot in world.bots.values()})
    _records(router, world, scene)
    return router


def _bots(router: APIRouter, world: World, scene: Scene) -> None:
    @router.get("/bots", tags=["Bots"])
    async def bots() -> Response:
        return shown({"items": [_bot(bot) for bot in world.bots.values()]})

    @router.post("/bots", tags=["Bots"], status_code=201)
    async def add_bot(body: NewBot) -> Json:
        """Everybody who is there has opened it."""
        number = body.token.partition(":")[0]
        if world.bot_by_id(int(number)):
            raise Impossible(f"there is a bot {number} already")
        bot = world.add_bot(body.token, body.first_name, body.username or f"bot_{number}_bot", body.sees_all)
        for person in world.people.values():
            person.started.add(bot.id)
        world.memory.write()
        return _bot(bot)

    @router.post("/updates", tags=["Bots"])
    async def send_update(body: RawUpdate) -> Json:
        """Sends any object as an update, unchecked: what the platform would never send, or may send in years."""
        bot = scene.bot(body.bot)
        update = {"update_id": world.numbers.next(("updates", bot.id)), **body.update}
        return {"update_id": world.enqueue(bot, body.chat, update)}


def _records(router: APIRouter, world: World, scene: Scene) -> None:
    @router.get("/log", tags=["Records"])
    async def log(after: After = 0, limit: Limit = 200, chat: int | None = None) -> Response:
        """Everything that the platform accepted, in order; `lost` says how much of it is forgotten by now."""
        return shown(world.journal.page(after, limit, chat))

    @router.get("/chats/{chat}/messages", tags=["Records"])
    async def messages(chat: int, bot: int | None = None, limit: Limit = 50) -> Response:
        """What stands in the chat, the newest last."""
        owner = world.owner(scene.bot(bot).id, chat)
        found = [m.body for (whose, where, _), m in world.messages.items() if (whose, where) == (owner, chat)]
        return shown({"items": found[-limit:]})


def _bot(bot: Bot) -> Json:
    hook = bot.webhook
    return {
        "id": bot.id,
        "token": bot.token,
        "first_name": bot.first_name,
        "username": bot.username,
        "sees_all": bot.sees_all,
        "webhook": hook.url,
        "allowed_updates": list(bot.allowed),
        "waiting_updates": {str(chat): count for chat, count in bot.queue.lanes().items()},
        "last_error": hook.last_error,
    }
