"""Whether a webhook's request is Meta's (https://developers.facebook.com/docs/graph-api/webhooks/getting-started)."""

import hmac

from connectors.sdk import Forged, WebhookRequest

SIGNATURE = "x-hub-signature-256"


def verify(request: WebhookRequest, app_secret: str) -> None:
    """The signature is over the bytes as they came. Raises `Forged`."""
    ours = "sha256=" + hmac.digest(app_secret.encode(), request.body, "sha256").hex()
    given = request.headers.get(SIGNATURE, "")
    if not app_secret or not _is(given, ours):
        raise Forged("the signature is missing or not of our app")


def answer_challenge(request: WebhookRequest, verify_token: str) -> str:
    """What Meta has to hear before it sends updates. Raises `Forged`."""
    asked = request.query
    if not verify_token or not _is(asked.get("hub.verify_token", ""), verify_token):
        raise Forged("the verify token is missing or not ours")
    if request.method != "GET" or asked.get("hub.mode") != "subscribe" or not asked.get("hub.challenge"):
        raise Forged("this is no handshake")
    return asked["hub.challenge"]


def _is(given: str, ours: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), ours.encode())
