"""How the router tells others what it has stored."""

from libs.common.clock import now, rfc3339
from libs.common.events import STATUS_EVENTS, StatusEvent, cloud_headers, encode
from libs.common.kafka import Outgoing

SOURCE = "/parley/router"


def outgoing(fact: StatusEvent, event_id: str, trace: str) -> Outgoing:
    headers = cloud_headers(fact, event_id, SOURCE, rfc3339(now()), trace)
    return Outgoing(STATUS_EVENTS, fact.conversation_id, encode(fact), headers)
