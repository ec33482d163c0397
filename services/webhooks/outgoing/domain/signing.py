"""Standard Webhooks 1.0.0: ids that stay the same on a repeat, secrets, and signatures."""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """`whsec_` and the base64 of random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def delivery_id(webhook_id: str, key: str) -> str:
    """Of this event for this webhook, as a UUID: the same however often it is told."""
    return str(uuid.uuid5(uuid.UUID(webhook_id), key))


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,…` over id, timestamp (seconds since 1970) and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def headers(valid: Iterable[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Signed with each secret that is valid, so that a receiver may change from one to the next."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in valid),
    }
