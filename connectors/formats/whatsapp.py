"""What WhatsApp's Cloud API takes, answers and sends: `whatsapp.json` as published, under `whatsapp-overlay.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from connectors.formats.schema import Schemas
from connectors.formats.shapes import Upload, Wrong

Call = Literal["messages", "media", "phone"]
Answered = Literal["messages", "media", "phone", "success", "media_url"]
HERE = Path(__file__).parent
KINDS = ("text", "audio", "document", "image", "video", "sticker", "location", "reaction", "interactive", "template")
MESSAGES = {kind: f"{kind.capitalize()}Message" for kind in KINDS}
ANSWERS: Mapping[Answered, str] = {
    "messages": "MessageResponsePayload",
    "media": "MediaUploaded",
    "phone": "PhoneNumberInfo",
    "success": "SuccessResponse",
    "media_url": "MediaUrl",
}


def patched(value: Any, patch: Any) -> Any:
    """A JSON Merge Patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    old = value if isinstance(value, dict) else {}
    merged = {name: patched(old.get(name), each) for name, each in patch.items() if each is not None}
    if "$ref" in merged:
        return merged
    return {**{name: each for name, each in old.items() if name not in patch}, **merged}


def _read(name: str) -> Any:
    return msgspec.json.decode((HERE / name).read_bytes())


SCHEMAS = Schemas(patched(_read("whatsapp.json"), _read("whatsapp-overlay.json")))


def check_request(call: Call, body: Any) -> list[Wrong]:
    """Every field that the platform would not take of a POST; a file of a form stands in `body` as an `Upload`."""
    if call == "messages":
        return _check_message(body)
    if isinstance(body, Mapping):
        body = {name: value._asdict() if isinstance(value, Upload) else value for name, value in body.items()}
    return SCHEMAS.check("MediaUpload" if call == "media" else "PhoneNumberUpdate", body)


def _check_message(body: Any) -> list[Wrong]:
    if not isinstance(body, Mapping):
        return [Wrong("", "type", "an object")]
    if "status" in body:
        return SCHEMAS.check("MarkRead", body)
    kind = body.get("type")
    if kind is None:
        return [Wrong("type", "missing")]
    if not isinstance(kind, str) or kind not in MESSAGES:
        return [Wrong("type", "choice", ", ".join(MESSAGES))]
    return SCHEMAS.check(MESSAGES[kind], body)


def check_answer(call: Answered, answer: Any) -> list[Wrong]:
    """Every field in which this is not what the platform answers."""
    is_error = isinstance(answer, Mapping) and "error" in answer
    return SCHEMAS.check("GraphAPIError" if is_error else ANSWERS[call], answer)


def check_update(body: Any) -> list[Wrong]:
    """Every field in which this is not the body of a webhook."""
    return SCHEMAS.check("Webhook", body)
