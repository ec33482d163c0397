"""The door for platforms."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse, Response

from connectors.sdk import WebhookRequest
from libs.common.openapi import Answer, documented
from services.webhooks.handlers import Updates

Channel = Annotated[str, Path(json_schema_extra={"examples": ["telegram"]})]
Account = Annotated[str, Path(json_schema_extra={"examples": ["main"]})]
DECLARED = documented(
    "What a platform tells",
    tag="Channels",
    description="For platforms alone, each of which proves in its own way that it is one. Answered when it is durable.",
    answers={200: Answer(None, "All of it is durable.")},
    problems={401: ("forged",), 413: ("too_large",)},
    public=True,
)
HANDSHAKE = documented(
    "Prove that a webhook is ours",
    tag="Channels",
    description="For platforms that ask before they send updates: what they ask with comes back as plain text.",
    answers={200: Answer(None, "What the platform has to hear.")},
    problems={401: ("forged",)},
    public=True,
)


def webhook_routes(updates: Updates) -> APIRouter:
    router = APIRouter(prefix="/v1/channels")

    @router.post("/{channel}/{account}/webhook")
    @DECLARED
    async def take_updates(channel: Channel, account: Account, request: Request) -> Response:
        await updates.accept_request(channel, account, _asked(request, await request.body()))
        return Response()

    @router.get("/{channel}/{account}/webhook")
    @HANDSHAKE
    async def answer_handshake(channel: Channel, account: Account, request: Request) -> Response:
        return PlainTextResponse(updates.answer_handshake(channel, account, _asked(request, b"")))

    return router


def _asked(request: Request, body: bytes) -> WebhookRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return WebhookRequest(request.method, headers, dict(request.query_params), body)
