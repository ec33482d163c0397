"""The methods about the bot itself: who it is, where its updates go, its files and the answers to its buttons."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from connectors.capabilities import CHANNELS
from connectors.simulator.telegram.errors import POLLED_TWICE, POLLING, ApiError, bad_request
from connectors.simulator.telegram.objects import Json, present
from connectors.simulator.telegram.sending import Call
from connectors.simulator.telegram.world import BY_DEFAULT, Bot, Webhook, World

DOWNLOAD_BYTES = CHANNELS["telegram"].files.download or 0
PORTS = (None, 80, 88, 443, 8443)
LONGEST_POLL_S = 50
LOOK_AGAIN_S = 0.05
ANSWERABLE_S = 60  # the platform names no number


class Told(NamedTuple):
    """A result with words beside it."""

    result: bool
    description: str


@dataclass(frozen=True)
class AccountMethods:
    """`any_url`: webhooks may be plain HTTP on any port, as with a Bot API server of one's own (`--local`)."""

    world: World
    any_url: bool

    def get_me(self, call: Call) -> Json:
        abilities = {
            "can_join_groups": True,
            "can_read_all_group_messages": call.bot.sees_all,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        return {**call.bot.as_user(), **abilities}

    def set_webhook(self, call: Call) -> Told:
        asked = call.parameters
        if not asked["url"]:
            return self.delete_webhook(call)
        self._check_url(asked["url"])
        call.bot.allowed = tuple(asked.get("allowed_updates", call.bot.allowed)) or BY_DEFAULT
        call.bot.webhook = Webhook(
            asked["url"],
            asked.get("secret_token", ""),
            asked.get("max_connections", 40),
            asked.get("ip_address"),
            "certificate" in asked,
        )
        self._drop_pending(call)
        call.bot.queue.try_again()
        self.world.changed()
        self.world.memory.write()
        return Told(True, "Webhook was set")

    def delete_webhook(self, call: Call) -> Told:
        was_set = bool(call.bot.webhook.url)
        call.bot.webhook = Webhook()
        self._drop_pending(call)
        self.world.memory.write()
        return Told(True, "Webhook was deleted" if was_set else "Webhook is already deleted")

    def webhook_info(self, call: Call) -> Json:
        hook = call.bot.webhook
        info = {
            "url": hook.url,
            "has_custom_certificate": hook.has_certificate,
            "pending_update_count": len(call.bot.queue),
            "max_connections": hook.max_connections if hook.url else None,
            "ip_address": hook.ip_address,
            "last_error_date": int(hook.last_error_at) if hook.last_error_at else None,
            "last_error_message": hook.last_error,
            "allowed_updates": None if call.bot.allowed == BY_DEFAULT else list(call.bot.allowed),
        }
        return present(info)

    async def get_updates(self, call: Call) -> list[Json]:
        bot, asked = call.bot, call.parameters
        if bot.webhook.url:
            raise ApiError(*POLLING)
        if "allowed_updates" in asked:
            bot.allowed = tuple(asked["allowed_updates"]) or BY_DEFAULT
            self.world.memory.write()
        bot.polls += 1
        if (offset := asked.get("offset", 0)) > 0:
            bot.queue.confirm(offset)
        elif offset < 0:
            waiting = bot.queue.waiting(self.world.clock(), len(bot.queue))
            bot.queue.confirm(waiting[offset:][0].update_id if waiting else 0)
        return await self._poll(bot, asked.get("limit", 100), min(asked.get("timeout", 0), LONGEST_POLL_S))

    def get_file(self, call: Call) -> Json:
        stored = self.world.files.get(call.parameters["file_id"])
        if stored is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        if stored.size > DOWNLOAD_BYTES:
            raise bad_request("file is too big")
        link = self.world.files.link(stored, self.world.clock())
        ids = {"file_id": stored.file_id, "file_unique_id": stored.unique_id}
        return {**ids, "file_size": stored.size, "file_path": link}

    def answer_press(self, call: Call) -> bool:
        """Once, and soon: the person's app waits for it."""
        bot, at = self.world.presses.pop(call.parameters["callback_query_id"], (0, 0.0))
        if bot != call.bot.id or self.world.clock() - at > ANSWERABLE_S:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        return True

    async def _poll(self, bot: Bot, limit: int, timeout_s: float) -> list[Json]:
        mine, ends_at = bot.polls, asyncio.get_running_loop().time() + timeout_s
        while True:
            found = [p.update for p in bot.queue.waiting(self.world.clock(), limit)]
            if found or asyncio.get_running_loop().time() >= ends_at:
                return found
            await asyncio.sleep(LOOK_AGAIN_S)
            if bot.polls != mine:
                raise ApiError(*POLLED_TWICE)

    def _check_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
        except ValueError:
            raise bad_request("bad webhook: invalid webhook URL specified") from None
        if parts.scheme not in ("http", "https") or not host:
            raise bad_request("bad webhook: invalid webhook URL specified")
        if not self.any_url and parts.scheme != "https":
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if not self.any_url and port not in PORTS:
            raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")

    def _drop_pending(self, call: Call) -> None:
        if call.parameters.get("drop_pending_updates"):
            call.bot.queue.clear()
