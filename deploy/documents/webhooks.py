"""What third parties are sent, as both documents show it: one request for each kind of event."""

from typing import Any

from deploy.documents.schemas import REFERENCE
from libs.common.openapi import JSON
from services.webhooks.outgoing.domain.bodies import DATA

Json = dict[str, Any]

TAG = "Webhooks"
KINDS = dict.fromkeys(DATA.values())
WORDS = {
    "message.sent": "A message was taken by a channel",
    "message.delivered": "A message was delivered",
    "message.read": "A message was read",
    "message.failed": "A message could not be delivered",
    "message.received": "A message came",
    "file.completed": "A file was completed",
    "webhook.disabled": "A webhook was disabled, for operators",
    "webhook.test": "A test event",
}
DESCRIPTION = """\
Sent as Standard Webhooks 1.0.0. `webhook-id` is the same in every attempt: take what comes twice once. Answer 2xx
within 15 s; anything else is tried again, after 5 s, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours, or when
`Retry-After` says; 410 ends it. Redirects are not followed. Verify the signature, and refuse timestamps that are more
than 5 minutes away."""
HEADERS: Json = {
    "webhook-id": {"type": "string", "format": "uuid", "description": "Of this event for this webhook."},
    "webhook-timestamp": {"type": "string", "pattern": "^[0-9]+$", "description": "Of this attempt: s since 1970."},
    "webhook-signature": {
        "type": "string",
        "description": "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; several, by spaces, in a rotation.",
    },
}


def envelope(kind: str) -> Json:
    """The schema of a body."""
    return {
        "type": "object",
        "properties": {
            "type": {"const": kind},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": {"$ref": REFERENCE.format(name=DATA[kind].__name__)},
        },
        "required": ["type", "timestamp", "data"],
    }


def for_openapi() -> Json:
    """The `webhooks` of the document."""
    parameters = [{"name": n, "in": "header", "required": True, "schema": schema} for n, schema in HEADERS.items()]
    return {
        kind: {
            "post": {
                "tags": [TAG],
                "summary": WORDS[kind],
                "description": DESCRIPTION,
                "operationId": kind.replace(".", "_"),
                "security": [],
                "parameters": parameters,
                "requestBody": {"required": True, "content": {JSON: {"schema": envelope(kind)}}},
                "responses": {"2XX": {"description": "Taken."}, "410": {"description": "No more, please."}},
            }
        }
        for kind in DATA
    }


def messages() -> Json:
    """For AsyncAPI, by name."""
    headers = {"type": "object", "properties": HEADERS, "required": list(HEADERS)}
    return {
        kind.replace(".", "_"): {
            "name": kind,
            "title": kind,
            "summary": WORDS[kind],
            "headers": headers,
            "payload": envelope(kind),
        }
        for kind in DATA
    }
