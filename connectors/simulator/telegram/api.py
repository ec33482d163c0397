"""One call of the Bot API: its form, then limits, then what it does."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from connectors.formats.telegram import METHODS, check_request
from connectors.simulator.files import Stored
from connectors.simulator.telegram.account import AccountMethods, Told
from connectors.simulator.telegram.chats import chat_number, find_chat
from connectors.simulator.telegram.errors import ApiError, forbidden, refusal, too_many
from connectors.simulator.telegram.objects import Json
from connectors.simulator.telegram.sending import Call, Sending
from connectors.simulator.telegram.world import Bot, World

SPELLINGS = {method.lower(): method for method in METHODS}
SENDING = ("sendMessage", "sendDocument", "sendPhoto", "sendLocation", "editMessageText")


class Api:
    def __init__(self, world: World, any_url: bool) -> None:
        self.world = world
        sending, account = Sending(world), AccountMethods(world, any_url)
        self._does: Mapping[str, Callable[[Call], Any]] = {
            "getMe": account.get_me,
            "setWebhook": account.set_webhook,
            "deleteWebhook": account.delete_webhook,
            "getWebhookInfo": account.webhook_info,
            "getUpdates": account.get_updates,
            "getFile": account.get_file,
            "answerCallbackQuery": account.answer_press,
            "sendMessage": sending.send_message,
            "sendDocument": sending.send_document,
            "sendPhoto": sending.send_photo,
            "sendLocation": sending.send_location,
            "sendChatAction": sending.act,
            "editMessageText": sending.edit_text,
            "deleteMessage": sending.delete,
            "setMessageReaction": sending.react,
        }

    async def call(self, bot: Bot, method: str, parameters: Json, files: Mapping[str, Stored]) -> Json:
        """The whole answer; raises `ApiError` for one with `ok: false`. Counts both."""
        name = SPELLINGS.get(method.lower(), method)
        try:
            result = await self._result(bot, name, parameters, files)
        except ApiError as error:
            self.world.calls[f"{name if name in METHODS else 'unknown'} {error.status}"] += 1
            raise
        self.world.calls[f"{name} 200"] += 1
        if isinstance(result, Told):
            return {"ok": True, "result": result.result, "description": result.description}
        return {"ok": True, "result": result}

    async def _result(self, bot: Bot, method: str, parameters: Json, files: Mapping[str, Stored]) -> Any:
        if wrong := check_request(method, parameters):
            raise refusal(method, wrong[0], parameters.get(wrong[0].field))
        if (chat := chat_number(parameters.get("chat_id"))) is not None:
            self._reach(bot, method, chat)
        result = self._does[method](Call(bot, parameters, files))
        return await result if inspect.isawaitable(result) else result

    def _reach(self, bot: Bot, method: str, chat: int) -> None:
        """Limits are for what sends; a chat where the bot may not write costs nothing."""
        world = self.world
        find_chat(world, bot, chat)
        if world.faults.hit_either("blocked", chat=chat):
            raise forbidden("bot was blocked by the user")
        if method not in SENDING:
            return
        if flood := world.faults.hit_either("flood", chat=chat):
            raise too_many(max(1, round(flood.seconds)))
        if wait := world.limits.take(bot.id, chat, world.clock()):
            raise too_many(wait)
