"""What Messenger and Instagram take, answer and send, as their pages say: `messenger.json` and `instagram.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from connectors.formats.schema import Schemas
from connectors.formats.shapes import Upload, Wrong

Platform = Literal["messenger", "instagram"]
HERE = Path(__file__).parent
SCHEMAS: Mapping[Platform, Schemas] = {
    platform: Schemas(msgspec.json.decode((HERE / f"{platform}.json").read_bytes()))
    for platform in ("messenger", "instagram")
}
CALLS = ("messages", "message_attachments", "subscribed_apps", "subscriptions")
"""What is asked for by POST: the last step of a path."""

FIELDS_OF_FORMS = ("recipient", "message", "reply_to")
"""Of a form, where they come as JSON."""


def check_request(platform: Platform, call: str, body: Any) -> list[Wrong]:
    """Every field that the platform would not take; a file of a form stands in `body` as an `Upload`."""
    if call not in CALLS:
        return [Wrong("", "method", call)]
    if isinstance(body, Mapping):
        body = {name: value._asdict() if isinstance(value, Upload) else value for name, value in body.items()}
    return SCHEMAS[platform].check(call, body)


def check_answer(platform: Platform, call: str, answer: Any) -> list[Wrong]:
    """Every field in which this is not what the platform answers, to `me` or to one of `CALLS`."""
    is_error = isinstance(answer, Mapping) and "error" in answer
    return SCHEMAS[platform].check("error" if is_error else f"answer-to-{call}", answer)


def check_update(platform: Platform, body: Any) -> list[Wrong]:
    """Every field in which this is not the body of a webhook."""
    return SCHEMAS[platform].check("webhook", body)


def decode_form(fields: Mapping[str, str | Upload]) -> dict[str, Any]:
    """The fields of a form as the values they stand for; what is not JSON stays as it is."""
    return {name: _decoded(value) if name in FIELDS_OF_FORMS else value for name, value in fields.items()}


def _decoded(value: str | Upload) -> Any:
    try:
        return value if isinstance(value, Upload) else msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
