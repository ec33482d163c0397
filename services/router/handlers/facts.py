"""How the router tells others what it has stored: devices by their feeds, other contexts by facts."""

from contextlib import AbstractContextManager

from libs.common import tracing
from libs.common.clock import now, rfc3339
from libs.common.events import STATUS_EVENTS, DeliveryRequest, StatusEvent, channel_topic, cloud_headers, encode
from libs.common.kafka import Outgoing
from libs.common.telemetry import continue_trace

SOURCE = "/parley/router"


def feeding(traces: tracing.Followed) -> AbstractContextManager[tracing.Followed]:
    return traces.step("append feeds", "client", {"db.system.name": "redis"})


def telling(traces: tracing.Followed) -> AbstractContextManager[tracing.Followed]:
    return traces.step(f"send {STATUS_EVENTS}", "producer", tracing.about_topic(STATUS_EVENTS, "send"))


def outgoing(fact: StatusEvent, event_id: str, trace: str) -> Outgoing:
    headers = cloud_headers(fact, event_id, SOURCE, rfc3339(now()), trace)
    return Outgoing(STATUS_EVENTS, fact.conversation_id, encode(fact), headers)


def requesting(request: DeliveryRequest) -> Outgoing:
    headers = cloud_headers(request, request.delivery_id, SOURCE, rfc3339(now()), continue_trace(None))
    topic = channel_topic(request.channel, request.account)
    return Outgoing(topic, request.address, encode(request), headers)
