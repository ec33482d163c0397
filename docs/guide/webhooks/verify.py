"""Verifies webhooks of Parley (Standard Webhooks 1.0.0), with nothing but Python's own library."""

import base64
import hashlib
import hmac
import time

TOLERANCE_S = 300


def verify(secret, message_id, timestamp, signature, body, now=None):
    """True if the sender has the secret (`whsec_…`) and signed less than five minutes ago.

    `message_id`, `timestamp` and `signature` are the headers webhook-id, webhook-timestamp and webhook-signature;
    `body` are the bytes as they came, before anything parses them.
    """
    if not timestamp.isdecimal() or abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    return any(hmac.compare_digest(one.encode(), expected) for one in signature.split(" "))
