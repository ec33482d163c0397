"""Sends updates to webhooks as Telegram does: chats in parallel, each in order, until somebody takes them."""

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import httpx
import msgspec

from connectors.formats.telegram import decode_form
from connectors.simulator.telegram.api import SPELLINGS, Api
from connectors.simulator.telegram.errors import ApiError
from connectors.simulator.telegram.updates import Pending
from connectors.simulator.telegram.world import Bot, Webhook

log = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  its name
GONE_S = 23 * 3_600  # answering 410 for so long closes a webhook
MOST_ANSWER = 65_536
NEVER_IN_ANSWERS = ("setWebhook", "deleteWebhook")


class Answer(NamedTuple):
    """`status` 0: there was none, for the reason in `error`."""

    status: int
    error: str
    retry_after_s: int = 0
    content_type: str = ""
    body: bytes = b""


class Sender:
    def __init__(self, api: Api, http: httpx.AsyncClient) -> None:
        self._api = api
        self._world = api.world
        self._http = http
        self._busy: Counter[int] = Counter()
        self._wake = asyncio.Event()
        self._world.changed = self._wake.set

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for bot in list(self._world.bots.values()):
                    for pending in self._due(bot):
                        tasks.create_task(self._send(bot, pending))
                await self._pause()

    def _due(self, bot: Bot) -> list[Pending]:
        found: list[Pending] = []
        while bot.webhook.url and self._busy[bot.id] < bot.webhook.max_connections:
            pending = bot.queue.take(self._world.clock())
            if pending is None:
                break
            self._busy[bot.id] += 1
            found.append(pending)
        return found

    async def _pause(self) -> None:
        bots = [b for b in self._world.bots.values() if self._busy[b.id] < b.webhook.max_connections and b.webhook.url]
        times = [at for at in (bot.queue.wakes_at() for bot in bots) if at is not None]
        wait = max(0.0, min(times) - self._world.clock()) if times else None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait)

    async def _send(self, bot: Bot, pending: Pending) -> None:
        hook = bot.webhook
        try:
            answer = await self._post(hook, pending.update)
            self._judge(bot, hook, pending, answer)
            if 200 <= answer.status < 300:
                await self._obey(bot, answer)
        except Exception:
            log.exception("update %d was not sent", pending.update_id)
            bot.queue.failed(pending, self._world.clock())
        finally:
            self._busy[bot.id] -= 1
            self._wake.set()

    async def _post(self, hook: Webhook, update: dict[str, Any]) -> Answer:
        headers = {"content-type": "application/json"}
        if hook.secret_token:
            headers[SECRET_HEADER] = hook.secret_token
        content = msgspec.json.encode(update)
        try:
            request = self._http.build_request("POST", hook.url, content=content, headers=headers)
            async with asyncio.timeout(self._http.timeout.read):
                return await self._exchange(request)
        except TimeoutError:
            return Answer(0, "Read timeout expired")
        except httpx.ConnectError as error:
            return Answer(0, f"Connection failed: {error}"[:200])
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(0, "Webhook connection closed")

    async def _exchange(self, request: httpx.Request) -> Answer:
        response = await self._http.send(request, stream=True)
        try:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_ANSWER:
                    break
        finally:
            await response.aclose()
        words = f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"
        wait = response.headers.get("retry-after", "")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer(response.status_code, words, int(wait) if wait.isdecimal() else 0, kind, body)

    def _judge(self, bot: Bot, hook: Webhook, pending: Pending, answer: Answer) -> None:
        now = self._world.clock()
        if 200 <= answer.status < 300:
            hook.gone_since = None
            bot.queue.done(pending, now)
            return
        hook.last_error_at, hook.last_error = now, answer.error
        bot.queue.failed(pending, now, answer.retry_after_s)
        close_if_gone(bot, hook, answer.status, now)
        if bot.webhook is not hook:
            self._world.memory.write()

    async def _obey(self, bot: Bot, answer: Answer) -> None:
        """An answer may be a call itself; what becomes of it the bot never learns."""
        if (call := call_in(answer)) is None:
            return
        method, parameters = call
        try:
            await self._api.call(bot, method, parameters, {})
        except ApiError as error:
            log.warning("a call in the answer of a webhook was refused: %s", error)


def close_if_gone(bot: Bot, hook: Webhook, status: int, now: float) -> None:
    if status != 410:
        hook.gone_since = None
    elif hook.gone_since is None:
        hook.gone_since = now
    elif now > hook.gone_since + GONE_S and bot.webhook is hook:
        bot.webhook = Webhook()


def call_in(answer: Answer) -> tuple[str, dict[str, Any]] | None:
    """The call that stands in an answer, where it is one that may."""
    parameters = _parameters(answer)
    method = SPELLINGS.get(str(parameters.pop("method", "")).lower())
    if method is None or method in NEVER_IN_ANSWERS or method.startswith("get"):
        return None
    return method, parameters if answer.content_type == "application/json" else decode_form(method, parameters)


def _parameters(answer: Answer) -> dict[str, Any]:
    if answer.content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(answer.body.decode("utf-8", "replace")))
    if answer.content_type != "application/json":
        return {}
    try:
        found = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
