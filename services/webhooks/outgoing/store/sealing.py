"""Secrets as they are kept: encrypted, and bound to whose they are."""

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
VERSION = "1."


class Unreadable(Exception):
    """Sealed with another key, or for another webhook."""


class Seal:
    """AES-256-GCM; what is sealed for one webhook opens for no other."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, secret: str, webhook_id: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, secret.encode(), webhook_id.encode())
        return VERSION + base64.b64encode(sealed).decode()

    def open(self, sealed: str, webhook_id: str) -> str:
        """Raises `Unreadable`."""
        try:
            raw = base64.b64decode(sealed.removeprefix(VERSION), validate=True)
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], webhook_id.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unreadable("the secret was sealed with another key") from error
