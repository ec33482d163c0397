"""What errors of the Send API mean (https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes)."""

from connectors.meta import COMMON, Again, Meanings
from connectors.sdk import Refused

MEANINGS: Meanings = {
    **COMMON,
    (10, 2018065): "window_closed",
    (10, 2018278): "window_closed",
    (10, 2534022): "window_closed",
    (10, 1893063): "forbidden",
    (100, 2018001): "not_found",
    (100, 2018109): "too_large",
    (100, 2534014): "not_found",
    (200, 1545041): "blocked",
    (200, 2018108): "blocked",
    (200, 2018028): "forbidden",
    230: "blocked",
    551: "blocked",
    1200: Again(),
    2022: "forbidden",
    10900: "bad_request",
    10903: "forbidden",
    10904: "forbidden",
}
OUTSIDE = "outside of allowed window"


def outside_window(refused: Refused) -> bool:
    """By the words as well: which subcode says it is not published of both platforms."""
    return refused.code == "window_closed" or OUTSIDE in refused.detail
