"""What the Cloud API's own error codes mean (https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes)."""

from connectors.meta import COMMON, Again, Meanings, Wait

HOUR = 3600.0
PAIR_S = 6.0  # to one person, a message in so many seconds

MEANINGS: Meanings = {
    **COMMON,
    (100, 33): "not_found",
    130429: Wait(1),
    130472: "forbidden",
    130497: "forbidden",
    131000: Again(uncertain=True),
    131005: "unauthorized",
    131008: "bad_request",
    131009: "bad_request",
    131016: Again(),
    131021: "bad_request",
    131026: "not_found",
    131030: "forbidden",
    131031: "unauthorized",
    131037: "unauthorized",
    131042: "unauthorized",
    131045: "unauthorized",
    131047: "window_closed",
    131048: Wait(HOUR),
    131049: "forbidden",
    131050: "blocked",
    131051: "bad_request",
    131052: Again(),
    131053: Again(),
    131056: Wait(PAIR_S),
    131057: Again(),
    131062: "bad_request",
    **dict.fromkeys((132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016), "bad_request"),
    133004: Again(),
    133010: "unauthorized",
    133016: Wait(HOUR),
}
