"""The Graph API over HTTP, below the platform's name (`/messenger/v25.0/<node>/<edge>`), and files that came."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from connectors.simulator.messaging.api import Api
from connectors.simulator.messaging.refusals import TooOften
from connectors.simulator.messaging.requests import receive
from connectors.simulator.meta.calls import answer, check_version, counted, file_at, in_words, token_of
from connectors.simulator.meta.errors import GraphError
from connectors.simulator.mishaps import lose, suffer


def graph_routes(api: Api) -> APIRouter:
    router = APIRouter(prefix=f"/{api.world.kind.name}", include_in_schema=False)

    @router.get("/files/{path:path}")
    async def download(path: str, request: Request) -> Response:
        return await in_words(_download(api, path, request))

    @router.post("/{version}/{node}/{edge}")
    async def call(version: str, node: str, edge: str, request: Request) -> Response:
        return await in_words(_call(api, version, node, edge, request))

    @router.delete("/{version}/{node}/subscribed_apps")
    async def unsubscribe(version: str, node: str, request: Request) -> Response:
        return await in_words(_plain(api, version, node, request))

    @router.get("/{version}/{node}")
    async def node(version: str, node: str, request: Request) -> Response:
        return await in_words(_plain(api, version, node, request))

    return router


async def _download(api: Api, path: str, request: Request) -> Response:
    await suffer(api.world.faults, request, None)
    return file_at(path, api.world.files, api.world.clock(), status_of_none=403)


async def _call(api: Api, version: str, node: str, edge: str, request: Request) -> Response:
    faults = api.world.faults
    await suffer(faults, request, None)
    check_version(version)
    token = token_of(request)
    body, file = await receive(request, api.world.files)
    chat = _chat(body)
    if chat is not None:
        await suffer(faults, request, chat)
    try:
        done = await counted(api.call(token, node, edge, body, file), edge, api.world.calls, api.world.files, file)
    except GraphError as error:
        return _refused(error)
    lose(faults, request, chat)
    return answer(done)


def _refused(error: GraphError) -> Response:
    refused = answer(error.as_json(), error.status)
    if isinstance(error, TooOften) and error.after_s:
        refused.headers["retry-after"] = str(max(1, round(error.after_s)))
    return refused


async def _plain(api: Api, version: str, node: str, request: Request) -> Response:
    await suffer(api.world.faults, request, None)
    check_version(version)
    account = api.account(token_of(request), node, request.method)
    return answer(api.me(account) if request.method == "GET" else api.unsubscribe(account))


def _chat(body: Any) -> str | None:
    recipient = body.get("recipient") if isinstance(body, dict) else None
    chat = recipient.get("id") if isinstance(recipient, dict) else None
    return chat if isinstance(chat, str) else None
