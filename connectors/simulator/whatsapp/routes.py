"""The Cloud API over HTTP, below the platform's name (`/whatsapp/v25.0/<node>/<edge>`), and media."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from connectors.formats.whatsapp import Call
from connectors.simulator.meta import forms
from connectors.simulator.meta.calls import answer, check_version, counted, file_at, in_words, token_of
from connectors.simulator.meta.errors import GraphError
from connectors.simulator.mishaps import lose, suffer
from connectors.simulator.whatsapp.api import Api
from connectors.simulator.whatsapp.refusals import malformed_form

BRINGS = forms.Brings("file", 101_000_000, malformed_form)
EDGES: dict[str, Call] = {"messages": "messages", "media": "media"}


def graph_routes(api: Api) -> APIRouter:
    router = APIRouter(prefix="/whatsapp", include_in_schema=False)

    @router.get("/files/{path:path}")
    async def download(path: str, request: Request) -> Response:
        return await in_words(_download(api, path, request))

    @router.post("/{version}/{node}/{edge}")
    async def call(version: str, node: str, edge: str, request: Request) -> Response:
        return await in_words(_call(api, version, node, EDGES.get(edge), request))

    @router.post("/{version}/{node}")
    async def configure(version: str, node: str, request: Request) -> Response:
        return await in_words(_call(api, version, node, "phone", request))

    @router.get("/{version}/{node}")
    async def about(version: str, node: str, request: Request) -> Response:
        return await in_words(_about(api, version, node, request))

    return router


async def _download(api: Api, path: str, request: Request) -> Response:
    """The address alone is not enough: it wants the token as well."""
    await suffer(api.world.faults, request, None)
    api.world.with_token(token_of(request))
    return file_at(path, api.world.files, api.world.clock(), status_of_none=404)


async def _call(api: Api, version: str, node: str, call: Call | None, request: Request) -> Response:
    faults = api.world.faults
    await suffer(faults, request, None)
    check_version(version)
    account = api.number(token_of(request), node, "POST")
    if call is None:
        raise GraphError(400, 2500, "Unknown path components")
    body, file = await forms.receive(request, api.world.files, BRINGS)
    chat = _chat(body)
    if chat is not None:
        await suffer(faults, request, chat)
    done = await counted(api.call(account, call, body, file), call, api.world.calls, api.world.files, file)
    lose(faults, request, chat)
    return answer(done)


async def _about(api: Api, version: str, node: str, request: Request) -> Response:
    """Of a number, or of media."""
    await suffer(api.world.faults, request, None)
    check_version(version)
    account = api.world.with_token(token_of(request))
    if node == account.id:
        return answer(api.about(account))
    return answer(api.media(account, node, str(request.base_url)))


def _chat(body: Any) -> str | None:
    chat = (body.get("to") or body.get("recipient")) if isinstance(body, dict) else None
    return chat.removeprefix("+") if isinstance(chat, str) else None
