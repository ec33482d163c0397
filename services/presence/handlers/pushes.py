"""The last step to a device: the frame goes out, is counted, and is told to the trace and the log that want it."""

import logging

import msgspec
from prometheus_client import Counter

from libs.common import messages, tracing
from libs.common.feed import Packed, render
from libs.common.messages import Message
from services.presence.handlers.devices import Device

PUSHED = Counter("parley_frames_pushed", "Frames of feeds sent to devices.")

log = logging.getLogger(__name__)


class _Named(msgspec.Struct):
    """Of a frame's body what it is called; receipts have no name."""

    message_id: str = ""


_name_of = msgspec.json.Decoder(_Named).decode


def push(device: Device, offset: int, packed: Packed) -> None:
    """An entry of a feed."""
    frame = render(packed.kind, offset, packed.body)
    if packed.trace:
        with tracing.span(f"push {packed.kind}", "producer", _about(offset, packed), packed.trace):
            device.outlet.send(frame)
    else:
        device.outlet.send(frame)
    PUSHED.inc()
    if log.isEnabledFor(logging.DEBUG):
        name = _name_of(packed.body).message_id
        _tell_log(packed.kind, device, packed.conversation_id, packed.sequence_number, name, packed.trace[3:35])


def push_stored(device: Device, message: Message) -> None:
    """A message as MongoDB has it, which knows no trace."""
    device.outlet.send(render("message", None, messages.encode(message)))
    if log.isEnabledFor(logging.DEBUG):
        _tell_log("message", device, message.conversation_id, message.sequence_number, message.message_id, "")


def _about(offset: int, packed: Packed) -> tracing.Attributes:
    return {
        "network.protocol.name": "websocket",
        "parley.conversation_id": packed.conversation_id,
        "parley.sequence_number": packed.sequence_number,
        "parley.feed_offset": offset,
    }


def _tell_log(kind: str, device: Device, conversation_id: str, number: int, message_id: str, trace_id: str) -> None:
    """`trace_id` is known of recorded traces alone."""
    log.debug(
        "pushed",
        extra={
            "kind": kind,
            "connection_id": device.connection_id,
            "conversation_id": conversation_id,
            "sequence_number": number,
            "message_id": message_id,
            "trace_id": trace_id,
        },
    )
