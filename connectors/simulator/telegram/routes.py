"""The Bot API over HTTP, and what goes wrong on the way to it: `/bot<token>/<method>`, `/file/bot<token>/<path>`."""

import re
from collections.abc import Awaitable

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from connectors.simulator.mishaps import lose, reaching, suffer
from connectors.simulator.telegram.api import SPELLINGS, Api
from connectors.simulator.telegram.chats import chat_number
from connectors.simulator.telegram.errors import NOT_FOUND, UNAUTHORIZED, ApiError
from connectors.simulator.telegram.objects import Json
from connectors.simulator.telegram.requests import receive
from connectors.simulator.telegram.world import Bot, World

TOKEN = r"[0-9]{1,16}:[A-Za-z0-9_-]{3,100}"  # noqa: S105  the form of one


def bot_api_routes(api: Api) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route("/bot{token}/{method}", methods=["GET", "POST"])
    async def call(token: str, method: str, request: Request) -> Response:
        return await _in_words(_call(api, token, method, request))

    @router.get("/file/bot{token}/{path:path}")
    async def download(token: str, path: str, request: Request) -> Response:
        return await _in_words(_download(api.world, token, path, request))

    return router


async def _in_words(answering: Awaitable[Response]) -> Response:
    try:
        return await reaching(answering)
    except ApiError as error:
        return _refused(error)


async def _download(world: World, token: str, path: str, request: Request) -> Response:
    await suffer(world.faults, request, None)
    _bot(world, token)
    stored = world.files.by_link(path, world.clock())
    if stored is None:
        raise ApiError(*NOT_FOUND)
    length = {"content-length": str(stored.size)}
    return StreamingResponse(stored.read(), headers=length, media_type="application/octet-stream")


async def _call(api: Api, token: str, method: str, request: Request) -> Response:
    world = api.world
    await suffer(world.faults, request, None)
    bot = _bot(world, token)
    name = SPELLINGS.get(method.lower(), method)
    received = await receive(request, name, world.files)
    chat = _chat(received.parameters)
    if chat is not None:
        await suffer(world.faults, request, chat)
    try:
        answer = await api.call(bot, method, received.parameters, received.files)
    except ApiError:
        world.files.forget(received.files.values())
        raise
    lose(world.faults, request, chat)
    return _answer(200, answer)


def _bot(world: World, token: str) -> Bot:
    if token in world.bots:
        return world.bots[token]
    raise ApiError(*(UNAUTHORIZED if re.fullmatch(TOKEN, token) else NOT_FOUND))


def _chat(parameters: Json) -> int | None:
    try:
        return chat_number(parameters.get("chat_id"))
    except (TypeError, ValueError):
        return None


def _refused(error: ApiError) -> Response:
    answer = _answer(error.status, error.as_json())
    if wait := error.parameters.get("retry_after"):
        answer.headers["retry-after"] = str(wait)
    return answer


def _answer(status: int, body: Json) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
