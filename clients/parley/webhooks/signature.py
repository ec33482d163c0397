"""Whether a request is what its sender signed: Standard Webhooks 1.0.0, HMAC-SHA256."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

PREFIX = "whsec_"
TOLERANCE_S = 300


class Told(msgspec.Struct, frozen=True):
    """A verified event. `id` is the same in every attempt: whoever has it already has nothing to do."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]

    @property
    def happened_s(self) -> float:
        """Seconds since 1970."""
        return datetime.fromisoformat(self.timestamp).timestamp()


class WrongSignatureError(ValueError):
    """It is not from who has the secret, or not from now."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_s: float | None = None) -> Told:
    """The event of a request; `secret` begins with `whsec_`, `body` are the bytes as they came, names of headers are in
    lower case, `now_s` is in seconds since 1970. Raises `WrongSignatureError`."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isdecimal():
        raise WrongSignatureError("it has no webhook-id or no webhook-timestamp")
    if abs((time.time() if now_s is None else now_s) - int(timestamp)) > TOLERANCE_S:
        raise WrongSignatureError("it was signed more than five minutes ago, or ahead")
    expected = signature(secret, message_id, timestamp, body)
    said = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in said):
        raise WrongSignatureError("no signature of it is made with this secret")
    try:
        return msgspec.convert({**msgspec.json.decode(body), "id": message_id}, Told)
    except (msgspec.DecodeError, TypeError, RecursionError) as error:
        raise WrongSignatureError("its body is no event") from error


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise WrongSignatureError("the secret is none: whsec_ and base64") from error
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
