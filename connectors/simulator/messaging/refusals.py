"""The platform's words for what it refuses.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from connectors.formats.shapes import Rule, Wrong
from connectors.simulator.messaging.kinds import Kind
from connectors.simulator.meta.errors import GraphError

OUTSIDE = (
    "(#10) This message is sent outside of allowed window. Learn more about the new policy here: "
    "https://developers.facebook.com/docs/messenger-platform/policy-overview"
)
SAYINGS: dict[Rule, str] = {
    "missing": "(#100) The parameter {0} is required",
    "unknown": "(#100) Invalid keys {0} were found in param",
    "type": "(#100) Param {0} has the wrong type: {1}",
    "length": "(#100) Length of param {0} must be less than or equal to its limit: {1}",
    "form": "(#100) Param {0} is not valid: {1}",
    "choice": "(#100) Param {0} must be one of its values: {1}",
    "items": "(#100) Param {0} has too many or too few elements: {1}",
    "range": "(#100) Param {0} is out of range: {1}",
    "together": "(#100) Must send one thing, and what belongs to it: {0}",
    "method": "(#100) Unknown edge {1}",
}
UPLOAD_FAILED = 2018047
TOO_LARGE = 2018109


def refusal(wrong: Wrong) -> GraphError:
    """A size beyond the limit has a subcode of its own."""
    if wrong.field == "filedata.size":
        return too_large()
    return GraphError(400, 100, SAYINGS[wrong.rule].format(wrong.field or "message", wrong.detail or wrong.field))


def outside(kind: Kind) -> GraphError:
    return GraphError(403, 10, OUTSIDE, error_subcode=kind.outside_subcode)


def nobody(kind: Kind) -> GraphError:
    return GraphError(400, 100, "(#100) No matching user found", error_subcode=kind.nobody_subcode)


def unavailable() -> GraphError:
    return GraphError(400, 551, "(#551) This person isn't available right now.", error_subcode=1545041)


class TooOften(GraphError):
    """`after_s` 0: no time is named."""

    def __init__(self, after_s: float = 0.0) -> None:
        super().__init__(400, 613, "(#613) Calls to this API have exceeded the rate limit.")
        self.after_s = after_s


def too_large() -> GraphError:
    return GraphError(400, 100, "(#100) Attachment size exceeds allowable limit", error_subcode=TOO_LARGE)


def not_fetched(why: str) -> GraphError:
    return GraphError(400, 100, f"(#100) Upload attachment failure: {why}", error_subcode=UPLOAD_FAILED)
