"""What an error of the Bot API means in the words of the contract (https://core.telegram.org/bots/api#making-requests)."""

from msgspec import Struct

from connectors.sdk import RefusalCode, Refused, Throttled, Unreachable


class Parameters(Struct, frozen=True):
    """https://core.telegram.org/bots/api#responseparameters"""

    retry_after: int | None = None
    migrate_to_chat_id: int | None = None


class Moved(Unreachable):
    """The group has become a supergroup: nothing was done, and the same at `address` may succeed."""

    def __init__(self, address: str) -> None:
        super().__init__("the chat has moved", uncertain=False)
        self.address = address


MEANINGS: tuple[tuple[int, str, RefusalCode], ...] = (
    (400, "chat not found", "not_found"),
    (400, "user not found", "not_found"),
    (400, "peer_id_invalid", "not_found"),
    (400, "file is too big", "too_large"),
    (400, "is too long", "too_large"),
    (400, "not enough rights", "forbidden"),
    (400, "have no rights", "forbidden"),
    (400, "chat_write_forbidden", "forbidden"),
    (400, "need administrator rights", "forbidden"),
    (400, "", "bad_request"),
    (401, "", "unauthorized"),
    (403, "blocked by the user", "blocked"),
    (403, "user is deactivated", "gone"),
    (403, "was kicked", "removed"),
    (403, "is not a member", "removed"),
    (403, "chat was deleted", "removed"),
    (403, "can't initiate conversation", "no_first_contact"),
    (403, "", "forbidden"),
    (404, "", "unauthorized"),
    (413, "", "too_large"),
)
"""Status, words of the description in lower case, meaning; the first that fits. 404 is what a malformed token gets."""


def failure_of(status: int, description: str, parameters: Parameters) -> Exception:
    if parameters.migrate_to_chat_id is not None:
        return Moved(str(parameters.migrate_to_chat_id))
    if status == 429 and parameters.retry_after is not None:
        return Throttled(float(parameters.retry_after))
    if status == 429 or status >= 500:
        return Unreachable(description, uncertain=False)
    return Refused(_meaning(status, description.lower()), description)


def _meaning(status: int, description: str) -> RefusalCode:
    fitting = (code for known, words, code in MEANINGS if known == status and words in description)
    return next(fitting, "bad_request")


def unintelligible(status: int) -> Unreachable:
    """An answer that is not the Bot API's: of something between us. Only 503 says that nothing was done."""
    return Unreachable(f"HTTP {status} without an answer of the Bot API", uncertain=status != 503)
