"""The Cloud API's words for what it refuses (https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes)."""

from typing import Any

from connectors.formats.shapes import Rule, Wrong
from connectors.simulator.meta.errors import GraphError

SAYINGS: dict[Rule, str] = {
    "missing": "The parameter {0} is required.",
    "unknown": 'Unexpected key "{0}" on param.',
    "type": "Param {0} has the wrong type: {1}",
    "length": "Param {0} must be within its length: {1}",
    "form": "Param {0} is not valid: {1}",
    "choice": "Param {0} must be one of its values: {1}",
    "items": "Param {0} has too many or too few elements: {1}",
    "range": "Param {0} is out of range: {1}",
    "together": "Exactly one of what excludes itself belongs to {0}.",
}
TITLES = {
    130429: "Rate limit hit",
    131021: "Recipient cannot be sender",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131051: "Unsupported message type",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
}
MANY = "Message failed to send because there were too many messages sent from this phone number"
DETAILS = {
    130429: f"{MANY} in a short period of time.",
    131021: "Sender and recipient phone number is the same.",
    131026: "Message undeliverable.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied to this "
    "number.",
    131051: "Message type is not supported.",
    131053: "Unable to upload the media used in the message.",
    131056: f"{MANY} to the same phone number in a short period of time.",
}
MEDIA_TYPES = "(#100) Param file must be a file with one of the types that the platform takes, not {0}"


def refused(code: int, status: int = 400) -> GraphError:
    data = {"messaging_product": "whatsapp", "details": DETAILS[code]}
    return GraphError(status, code, f"(#{code}) {TITLES[code]}", error_data=data)


def wrong_parameter(wrong: Wrong, is_message: bool) -> GraphError:
    """131008 where something is missing, 131051 for a type of message that there is not, else 100."""
    if is_message and wrong.rule == "choice" and wrong.field == "type":
        return refused(131051)
    words = SAYINGS[wrong.rule].format(wrong.field or "the message", wrong.detail or wrong.field)
    data = {"messaging_product": "whatsapp", "details": words}
    if wrong.rule == "missing":
        return GraphError(400, 131008, "(#131008) Required parameter is missing", error_data=data)
    return GraphError(400, 100, "(#100) Invalid parameter", error_data=data)


def wrong_media(words: str) -> GraphError:
    return GraphError(400, 100, words)


def malformed_form(words: str) -> GraphError:
    return wrong_media(f"(#100) The parameter file is required: {words}")


def as_status_error(code: int) -> dict[str, Any]:
    """As a status that failed tells of it."""
    return {
        "code": code,
        "title": TITLES[code],
        "message": TITLES[code],
        "error_data": {"details": DETAILS[code]},
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }
