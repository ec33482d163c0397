"""What happens to messages of platforms: placed, and published as messages here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import Counter

from connectors.sdk import Arrived, Attachment
from libs.common.bus import Outgoing, Record
from libs.common.clock import now, rfc3339
from libs.common.events import MESSAGE_EVENTS, MessageEvent, Payload, cloud_headers, encode
from libs.common.kafka import Producer
from libs.common.telemetry import continue_trace
from libs.common.tracing import trace_of
from services.router.handlers.attaching import Attaching
from services.router.handlers.facts import SOURCE
from services.router.handlers.placing import Placed, Placing
from services.router.inbound import Told, to_message, to_payload

ARRIVED = Counter("parley_inbound_messages", "Messages of platforms that were published.", ["channel", "account"])


class Message(NamedTuple):
    """One that arrived, and the record that brought it."""

    record: Record
    told: Told
    what: Arrived


@dataclass(frozen=True)
class Taking:
    """Safe to run twice: a message has the same id, conversation and file again."""

    placing: Placing
    attaching: Attaching
    producer: Producer

    async def take(self, arrived: Sequence[Message]) -> list[Record]:
        """None of them brings a file. Returns when all that have a conversation are durable; the others come back."""
        return await self._publish(await self._still_said(arrived), {})

    async def take_file(self, message: Message, content: Attachment, waited_s: float) -> list[Record]:
        """The same with a file. Raises `Retry` while it cannot be had, and may be had later."""
        if not await self._still_said([message]):
            return []
        (placed,) = await self.placing.place([(message.told, message.what)])
        if placed is None:
            return [message.record]
        payload = await self.attaching.attach(message.told, content, placed.message_id, placed.place, waited_s)
        return await self._publish([message], {placed.message_id: payload})

    async def _still_said(self, arrived: Sequence[Message]) -> list[Message]:
        """Without those that were taken back: platforms tell that before the message, or tell it again after."""
        if not arrived:
            return []
        ids = [self.placing.own_id(m.told, m.what) for m in arrived]
        gone = await self.placing.arrivals.taken_back(ids)
        return [m for m, own_id in zip(arrived, ids, strict=True) if own_id not in gone]

    async def _publish(self, arrived: Sequence[Message], files: dict[str, Payload]) -> list[Record]:
        placed = await self.placing.place([(m.told, m.what) for m in arrived]) if arrived else []
        pairs = list(zip(arrived, placed, strict=True))
        found = [(m, p) for m, p in pairs if p is not None]
        await self.producer.publish_all([_outgoing(m, p, files) for m, p in found])
        for m, _ in found:
            ARRIVED.labels(m.told.event.channel, m.told.event.account).inc()
        return [m.record for m, p in pairs if p is None]


def _outgoing(message: Message, placed: Placed, files: dict[str, Payload]) -> Outgoing:
    content = message.what.content
    payload = files[placed.message_id] if isinstance(content, Attachment) else to_payload(content)
    event: MessageEvent = to_message(
        placed.message_id, message.told, message.what, placed.place, payload, placed.reply_to
    )
    trace = continue_trace(trace_of(message.record))
    headers = cloud_headers(event, event.message_id, SOURCE, rfc3339(now()), trace)
    return Outgoing(MESSAGE_EVENTS, event.conversation_id, encode(event), headers)
