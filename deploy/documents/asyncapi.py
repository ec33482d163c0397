"""The AsyncAPI document: the socket's frames and the topics, written from the types that encode and decode them."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec
from aiokafka.admin import NewTopic

from deploy.documents import webhooks
from deploy.documents.schemas import REFERENCE, schemas_of
from libs.common import frames
from libs.common.accept import MAX_BODY, Body, SaidPayload
from libs.common.events import (
    CHANNEL_EVENTS,
    TOPICS,
    TYPES,
    DeliveryRequest,
    is_of_dead_letters,
    origin_of,
)
from libs.common.openapi import JSON, ProblemDocument
from services.presence.domain.frames import Frame, Send

Json = dict[str, Any]

DESCRIPTION = """\
The chat socket, for everybody, and the topics in Kafka in which the services of Parley tell each other what happened.
The calls are in [/api-docs](/api-docs). New fields, frames and events may come: ignore what you do not know.
"""
SOCKET = f"""\
JSON text frames of at most {MAX_BODY // 1024} KiB. Authenticate with the `Authorization` header, or with `auth` as the
first frame within 5 s; tokens never go in the URL. Browsers only from allowed origins.

`ready` comes first; then everything pending (or, with `resume`, everything since), then `caught_up`, then what is new.
Per conversation messages come in order, without a gap or a repeat in one connection. Log in again with the last
`epoch` and `offset` to go on where a connection was cut.

Closed with 4401: not authenticated. 4408: too slow to read, resume. 4409: the token has expired or is revoked. 4429:
the user has 100 devices on this node. 1009: a frame is too long. 1012: restarting, come again with jitter. 1013: tokens
cannot be verified now, try again. 1011: something went wrong here.
"""
LETTERS = "Records that were refused, as they came, with further headers that tell why. They are kept for ever."
REPLIES = {"send": ("accepted", "rejected"), "ping": ("pong",)}
SERVERS: Json = {
    "gateway": {"host": "localhost:8443", "protocol": "wss", "description": "The gateway in development."},
    "plain": {"host": "localhost:8080", "protocol": "ws", "description": "The same without TLS."},
    "kafka": {"host": "localhost:8110", "protocol": "kafka", "description": "Inside alone, and without a password."},
}
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "From `POST /v1/auth/token`."}
OFFSET = "In the user's feed; null for what was pending."
CLOUD = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {"type": "string", "description": "Of the fact: a repeat has the same."},
    "ce_source": {"type": "string", "description": "The service that tells it.", "examples": ["/parley/router"]},
    "ce_type": {"type": "string"},
    "ce_time": {"type": "string", "format": "date-time"},
    "content-type": {"const": JSON},
    "traceparent": {"type": "string", "description": "The trace in which it happened, as W3C writes it."},
}
DEAD = {
    "dlq_reason": {"type": "string", "description": "Why it was refused."},
    "dlq_attempts": {"type": "string", "pattern": "^[1-9][0-9]*$"},
    "dlq_origin": {"type": "string", "description": "Where it stood: `topic/partition/offset`."},
    "dlq_first_at": {"type": "string", "format": "date-time"},
    "dlq_last_at": {"type": "string", "format": "date-time"},
}


CALL: Json = {
    "action": "send",
    "channel": {"$ref": "#/channels/webhook"},
    "summary": "What third parties are told.",
}


def document(version: str, topics: Iterable[NewTopic]) -> Json:
    """Raises `LookupError` for a topic of which it is not known what is in it."""
    said, told = _said(), _told()
    kafka = {topic.name: topic for topic in topics}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Parley: socket and topics", "version": version, "description": DESCRIPTION},
        "defaultContentType": JSON,
        "servers": {
            name: server | ({"security": [_ref("securitySchemes", "bearer")]} if name != "kafka" else {})
            for name, server in SERVERS.items()
        },
        "channels": {"socket": _socket([*said, *told]), "webhook": _webhook()}
        | {_plain(name): _channel(topic) for name, topic in kafka.items()},
        "operations": _operations(said, told) | {"call": CALL} | {_named(name): _publishing(name) for name in kafka},
        "components": {
            "securitySchemes": {"bearer": BEARER},
            "messages": said | told | webhooks.messages() | {_named(name): _record(name) for name in kafka},
            "schemas": _schemas(),
        },
    }


def _socket(messages: Iterable[str]) -> Json:
    return {
        "address": "/v1/ws",
        "title": "Chat socket",
        "description": SOCKET,
        "servers": [{"$ref": f"#/servers/{name}"} for name in ("gateway", "plain")],
        "messages": {name: _ref("messages", name) for name in messages},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _webhook() -> Json:
    return {
        "address": None,
        "title": "Webhook",
        "description": f"Where a third party has registered. {webhooks.DESCRIPTION}",
        "messages": {name: _ref("messages", name) for name in webhooks.messages()},
    }


def _said() -> Json:
    """What devices say, by the name of the message."""
    kinds = {str(kind.__struct_config__.tag): kind for kind in get_args(Frame)}
    schemas = {name: "client.send" if kind is Send else kind.__name__ for name, kind in kinds.items()}
    return {f"client.{name}": _message(name, kind, schemas[name]) for name, kind in kinds.items()}


def _told() -> Json:
    """What devices are told: frames of the moment, and those of a feed, which have an offset."""
    direct = {str(kind.__struct_config__.tag): kind for kind in get_args(frames.Direct)}
    told = {name: _message(name, kind, kind.__name__) for name, kind in direct.items()}
    for name, kind in frames.OF_FEED.items():
        key = name if name not in told else kind.__name__.lower()
        told[key] = _message(name, kind, f"feed.{key}")
    return told


def _message(name: str, kind: type[msgspec.Struct], schema: str) -> Json:
    return {"name": name, "title": name, "summary": _words(kind), "payload": _ref("schemas", schema)}


def _operations(said: Json, told: Json) -> Json:
    operations = {
        name: {
            "action": "receive",
            "channel": _ref_to_channel("socket"),
            "summary": message["summary"],
            "messages": [_ref_to_message("socket", name)],
            **_reply(REPLIES.get(message["name"], ())),
        }
        for name, message in said.items()
    }
    answers = {name for names in REPLIES.values() for name in names}
    pushed = [_ref_to_message("socket", name) for name in told if name not in answers]
    push = {"action": "send", "channel": _ref_to_channel("socket"), "summary": "What comes by itself."}
    return operations | {"push": push | {"messages": pushed}}


def _reply(names: Iterable[str]) -> Json:
    messages = [_ref_to_message("socket", name) for name in names]
    return {"reply": {"channel": _ref_to_channel("socket"), "messages": messages}} if messages else {}


def _channel(topic: NewTopic) -> Json:
    configured = {name: _number(value) for name, value in topic.topic_configs.items()}
    binding = {"partitions": topic.num_partitions, "topicConfiguration": configured, "bindingVersion": "0.5.0"}
    return {
        "address": topic.name,
        "description": LETTERS if is_of_dead_letters(topic.name) else _words(_kind_of(topic.name)),
        "servers": [{"$ref": "#/servers/kafka"}],
        **_parameters(topic.name),
        "messages": {_named(topic.name): _ref("messages", _named(topic.name))},
        "bindings": {"kafka": binding},
    }


def _parameters(topic: str) -> Json:
    if not topic.startswith(f"{CHANNEL_EVENTS}."):
        return {}
    said = {"channel": "The channel's name.", "account": "The account's name, as its settings say."}
    return {"parameters": {name: {"description": words} for name, words in said.items()}}


def _number(value: str) -> int | str:
    return int(value) if value.lstrip("-").isdigit() else value


def _publishing(topic: str) -> Json:
    return {
        "action": "send",
        "channel": _ref_to_channel(_plain(topic)),
        "messages": [_ref_to_message(_plain(topic), _named(topic))],
    }


def _record(topic: str) -> Json:
    """An event, or the letter that one became."""
    kind = _kind_of(topic)
    name = TYPES[kind].decode()
    shown = {"name": name, "title": kind.__name__, "summary": _words(kind), "payload": _ref("schemas", kind.__name__)}
    headers: Json = CLOUD | {"ce_type": {"const": name}}
    if is_of_dead_letters(topic):
        shown = {"name": f"{name}.dlq", "title": f"{kind.__name__}, refused", "summary": LETTERS, "payload": {}}
        headers = DEAD
    return shown | {
        "headers": {"type": "object", "properties": headers, "required": list(headers)},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }


def _kind_of(topic: str) -> Any:
    if topic.startswith(f"{CHANNEL_EVENTS}."):
        return DeliveryRequest
    try:
        return TOPICS[origin_of(topic)]
    except KeyError as error:
        raise LookupError(f"the events of {topic} are not named: see libs/common/events.py:TOPICS") from error


def _schemas() -> Json:
    kinds = [*get_args(Frame), *get_args(frames.Direct), *frames.OF_FEED.values(), *TOPICS.values(), DeliveryRequest]
    kinds += webhooks.KINDS
    _, schemas = schemas_of([*kinds, Body, *get_args(SaidPayload), ProblemDocument])
    schemas["client.send"] = _joined(schemas.pop("Send"), Body)
    for name, kind in frames.OF_FEED.items():
        key = name if name != "error" else kind.__name__.lower()
        head = {"type": {"const": name}, "offset": {"type": ["integer", "null"], "description": OFFSET}}
        schemas[f"feed.{key}"] = _joined({"type": "object", "properties": head, "required": list(head)}, kind)
    return {name: _without_discriminator(schema) for name, schema in sorted(schemas.items())}


def _without_discriminator(schema: Any) -> Any:
    """OpenAPI writes it in a way that AsyncAPI does not know; the constants in the schemas say the same."""
    match schema:
        case dict():
            return {name: _without_discriminator(part) for name, part in schema.items() if name != "discriminator"}
        case list():
            return [_without_discriminator(part) for part in schema]
    return schema


def _joined(head: Mapping[str, Any], body: type[msgspec.Struct]) -> Json:
    return {"allOf": [head, {"$ref": REFERENCE.format(name=body.__name__)}]}


def _words(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())


def _named(topic: str) -> str:
    return _plain(topic).replace(".", "_")


def _plain(topic: str) -> str:
    return topic.replace("{", "").replace("}", "")


def _ref(part: str, name: str) -> Json:
    return {"$ref": f"#/components/{part}/{name}"}


def _ref_to_channel(name: str) -> Json:
    return {"$ref": f"#/channels/{name}"}


def _ref_to_message(channel: str, name: str) -> Json:
    return {"$ref": f"#/channels/{channel}/messages/{name}"}
