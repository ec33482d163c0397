"""The platform's own words for what it refuses, and which of them belongs to which broken rule.

Where Telegram would overlook a mistake (a field that it does not know, a number out of range that it pulls into range),
this platform refuses it, and says so in words that Telegram does not have.
"""

import re
from typing import Any, NamedTuple

from connectors.formats.shapes import Rule, Wrong


class ApiError(Exception):
    """An answer with `ok: false`."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"ok": False, "error_code": self.status, "description": self.description}
        return {**answer, "parameters": self.parameters} if self.parameters else answer


def bad_request(words: str, **parameters: int) -> ApiError:
    return ApiError(400, f"Bad Request: {words}", **parameters)


def forbidden(words: str) -> ApiError:
    return ApiError(403, f"Forbidden: {words}")


def too_many(retry_after: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


UNAUTHORIZED = (401, "Unauthorized")
NOT_FOUND = (404, "Not Found")
NO_METHOD = (404, "Not Found: method not found")
TOO_LARGE = (413, "Request Entity Too Large")
POLLING = (
    409,
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
)
POLLED_TWICE = (
    409,
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
)
CHAT_NOT_FOUND = "chat not found"


class Saying(NamedTuple):
    """`method` and `field` are patterns; `rule` None is any; `detail` narrows it to a part of the rule's detail."""

    method: str
    field: str
    rule: Rule | None
    words: str


SAYINGS = (
    Saying(".*", ".*", "encoding", "strings must be encoded in UTF-8"),
    Saying(".*", "chat_id", "missing", "chat_id is empty"),
    Saying(".*", "chat_id", None, CHAT_NOT_FOUND),
    Saying(".*", "message_id", None, "message identifier is not specified"),
    Saying("sendMessage|editMessageText", "text", "missing", "message text is empty"),
    Saying("editMessageText", "text", "together", "message text is empty"),
    Saying("editMessageText", "chat_id", "together", "chat_id is empty"),
    Saying("answerCallbackQuery", "text", "length", "MESSAGE_TOO_LONG"),
    Saying(".*", "caption", "length", "message caption is too long"),
    Saying(".*", "parse_mode", "choice", "unsupported parse_mode"),
    Saying(".*", r"(caption_)?entities\..*", None, "can't parse MessageEntity"),
    Saying("sendDocument", "document", "missing", "there is no document in the request"),
    Saying("sendPhoto", "photo", "missing", "there is no photo in the request"),
    Saying(".*", "document|photo", "length", "wrong file identifier/HTTP URL specified"),
    Saying(".*", "latitude|longitude", "missing", "location is not specified"),
    Saying(".*", "latitude|longitude", "range", "wrong location specified"),
    Saying(".*", r"reply_parameters\.message_id", "range", "message to be replied not found"),
    Saying(".*", r"reply_parameters(\..*)?", None, "can't parse reply parameters JSON object"),
    Saying(".*", "reply_markup", "type", "object expected as reply markup"),
    Saying(".*", r"reply_markup\.inline_keyboard\..*\.callback_data", "length", "BUTTON_DATA_INVALID"),
    Saying(
        ".*",
        r"reply_markup\.inline_keyboard\..*",
        "together",
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    Saying(".*", r"reply_markup\.inline_keyboard.*", None, "can't parse inline keyboard button"),
    Saying(".*", r"reply_markup\..*", None, "can't parse reply keyboard markup JSON object"),
    Saying("setMessageReaction", "reaction", "items", "REACTIONS_TOO_MANY"),
    Saying("setMessageReaction", r"reaction\..*\.emoji", "choice", "REACTION_INVALID"),
    Saying("setMessageReaction", "reaction.*", None, "can't parse reaction types JSON array"),
    Saying(
        "answerCallbackQuery",
        "callback_query_id",
        None,
        "query is too old and response timeout expired or query ID is invalid",
    ),
    Saying("getFile", "file_id", "missing", "file_id not specified"),
    Saying("getFile", "file_id", None, "invalid file_id"),
    Saying("sendChatAction", "action", None, "wrong parameter action in request"),
    Saying("setWebhook", "secret_token", "form", "secret token contains unallowed characters"),
    Saying("set.*|get.*", r"allowed_updates(\..*)?", None, "can't parse allowed update types"),
)


def refusal(method: str, wrong: Wrong, value: object) -> ApiError:
    """How the platform says it; `value` is that of the field, for what differs between too short and too long."""
    if wrong.rule == "method":
        return ApiError(*NO_METHOD)
    if wrong.rule == "size":
        return _size(method, wrong, value)
    if wrong.field == "text" and wrong.rule == "length" and isinstance(value, str) and method != "answerCallbackQuery":
        return bad_request(_text_length(method, value))
    if wrong.field == "secret_token" and wrong.rule == "length" and value:
        return bad_request("secret token is too long")
    return bad_request(next((s.words for s in SAYINGS if _says(s, method, wrong)), _ours(wrong)))


def _says(saying: Saying, method: str, wrong: Wrong) -> bool:
    return (
        saying.rule in (None, wrong.rule)
        and wrong.rule != "unknown"
        and re.fullmatch(saying.method, method) is not None
        and re.fullmatch(saying.field, wrong.field) is not None
    )


def _text_length(method: str, value: str) -> str:
    if not value.strip():
        return "message text is empty"
    return "message is too long" if method == "sendMessage" else "MESSAGE_TOO_LONG"


def _size(method: str, wrong: Wrong, value: object) -> ApiError:
    size = getattr(value, "size", 0)
    if not size:
        return bad_request("file must be non-empty")
    if method == "sendPhoto" and wrong.field == "photo":
        return bad_request(f"file of size {size} bytes is too big for a photo; the maximum size is 10485760 bytes")
    return ApiError(*TOO_LARGE)


def _ours(wrong: Wrong) -> str:
    if wrong.rule == "unknown":
        return f'parameter "{wrong.field}" is unknown'
    if wrong.rule == "missing":
        return f'parameter "{wrong.field}" is required'
    if wrong.rule == "type":
        return f'field "{wrong.field}" must be of type {wrong.detail}'
    return f'parameter "{wrong.field}" is invalid: {wrong.rule} {wrong.detail}'
