"""Webhooks over HTTP."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from libs.common.accept import known_id
from libs.common.auth import Caller
from libs.common.openapi import Answer, documented
from libs.common.routes import Cursor, Limit, private_answer, read_json
from libs.common.shapes import AN_ID
from services.webhooks.outgoing.handlers.registering import Registering
from services.webhooks.outgoing.handlers.replaying import Log
from services.webhooks.outgoing.handlers.shapes import (
    CreateRequest,
    DeliveryPage,
    PatchRequest,
    Queued,
    Replaying,
    ReplayRequest,
    WebhookPage,
    WebhookView,
)

TAG = "Webhooks"
Id = Annotated[str, Path(json_schema_extra={"format": "uuid", "examples": [AN_ID]})]
DISABLED = ("webhook_disabled",)
A_URL = "https://example.com/hooks"

_create = msgspec.json.Decoder(CreateRequest)
_patch = msgspec.json.Decoder(PatchRequest)
_replay = msgspec.json.Decoder(ReplayRequest)


def registration_routes(registering: Registering) -> APIRouter:
    router = APIRouter(prefix="/v1/webhooks")

    @router.post("")
    @documented(
        "Register a webhook",
        tag=TAG,
        description="Its `secret` is shown this once. https only; private addresses only where a setting allows them.",
        body=CreateRequest,
        answers={201: WebhookView},
        problems={403: ("operator_required",), 409: ("too_many_webhooks",)},
        examples={"all": {"url": A_URL}, "some": {"url": A_URL, "events": ["message.delivered", "message.failed"]}},
    )
    async def create_webhook(request: Request, caller: Caller) -> Response:
        return private_answer(await registering.create(caller, await read_json(request, _create)), 201)

    @router.get("")
    @documented("One's own webhooks", tag=TAG, answers={200: WebhookPage})
    async def list_webhooks(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return private_answer(await registering.page(caller, limit, cursor))

    @router.get("/{webhook_id}")
    @documented("A webhook", tag=TAG, answers={200: WebhookView})
    async def show_webhook(webhook_id: Id, caller: Caller) -> Response:
        return private_answer(await registering.show(caller, known_id(webhook_id, "webhook")))

    @router.patch("/{webhook_id}")
    @documented(
        "Change a webhook",
        tag=TAG,
        description="While it is not enabled nothing is sent; what happens meanwhile is kept, and `replay` sends it.",
        body=PatchRequest,
        answers={200: WebhookView},
        examples={"enable": {"enabled": True}},
    )
    async def change_webhook(webhook_id: Id, request: Request, caller: Caller) -> Response:
        asked = await read_json(request, _patch)
        return private_answer(await registering.change(caller, known_id(webhook_id, "webhook"), asked))

    @router.delete("/{webhook_id}")
    @documented("Remove a webhook", tag=TAG, answers={204: Answer()})
    async def remove_webhook(webhook_id: Id, caller: Caller) -> Response:
        await registering.remove(caller, known_id(webhook_id, "webhook"))
        return Response(status_code=204)

    @router.post("/{webhook_id}/rotate")
    @documented(
        "Make a new secret",
        tag=TAG,
        description="Shown this once. The old one is valid for 24 hours: until then both sign.",
        answers={200: WebhookView},
        problems={409: ("too_many_secrets",)},
    )
    async def rotate_secret(webhook_id: Id, caller: Caller) -> Response:
        return private_answer(await registering.rotate(caller, known_id(webhook_id, "webhook")))

    return router


def log_routes(log: Log) -> APIRouter:
    router = APIRouter(prefix="/v1/webhooks/{webhook_id}")

    @router.post("/test")
    @documented("Send a test event", tag=TAG, answers={202: Queued}, problems={409: DISABLED})
    async def send_test(webhook_id: Id, caller: Caller) -> Response:
        return private_answer(await log.test(caller, known_id(webhook_id, "webhook")), 202)

    @router.get("/deliveries")
    @documented("What was sent, newest first", tag=TAG, description="Kept for 30 days.", answers={200: DeliveryPage})
    async def list_deliveries(webhook_id: Id, caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return private_answer(await log.page(caller, known_id(webhook_id, "webhook"), limit, cursor))

    @router.post("/deliveries/{delivery_id}/redeliver")
    @documented(
        "Send one again",
        tag=TAG,
        description="With the same `webhook-id`.",
        answers={202: Queued},
        problems={409: DISABLED},
    )
    async def redeliver(webhook_id: Id, delivery_id: Id, caller: Caller) -> Response:
        asked = known_id(webhook_id, "webhook"), known_id(delivery_id, "delivery")
        return private_answer(await log.redeliver(caller, *asked), 202)

    @router.post("/replay")
    @documented(
        "Send a range of time again",
        tag=TAG,
        description="With the same `webhook-id`s, also what was delivered before.",
        body=ReplayRequest,
        answers={202: Replaying},
        problems={409: (*DISABLED, "replay_running")},
        examples={"a day": {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z"}},
    )
    async def replay(webhook_id: Id, request: Request, caller: Caller) -> Response:
        asked = await read_json(request, _replay)
        return private_answer(await log.replay(caller, known_id(webhook_id, "webhook"), asked), 202)

    return router
