"""What endpoints are sent, event by event, as the documents of the API show it."""

from typing import Annotated, Literal

import msgspec

from libs.common.events import DeliveryError, Payload
from libs.common.shapes import Number, Someone, Time, Username, Uuid, shown
from services.webhooks.outgoing.domain.webhooks import DISABLED, FILE_COMPLETED, OF_STATUS, RECEIVED, TEST


class StatusTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message on its way to one recipient by one channel. Statuses may come out of order, and READ without DELIVERED:
    a status only ever rises. That a step of a route was not needed any more is not told."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    sender: Someone = msgspec.field(name="from")
    status: Literal["SENT", "DELIVERED", "READ", "FAILED"]
    recipient: Someone
    channel: Annotated[str, shown(examples=["internal"])]
    error: DeliveryError | None = None


class ReceivedTold(msgspec.Struct, frozen=True, kw_only=True):
    """A message to its owner, as it is when it is sent: of what was taken back the content is gone."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    sender: Someone = msgspec.field(name="from")
    status: Literal["SENT"]
    recipient: Username
    to: list[Someone]
    channels: list[str]
    payload: Payload
    reply_to: Uuid | None
    created_at: Time


class FileTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of its owner's that can be sent from now on."""

    file_id: Uuid
    owner: Username
    status: Literal["completed"]
    filename: str
    size: int
    content_type: str
    sha256: str | None = None
    conversation_id: Uuid | None = None


class DisabledTold(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook was given up: its endpoint answered 410 (`gone`), or failed for days."""

    webhook_id: Uuid
    owner: Username
    url: str
    reason: Literal["gone", "failing"]
    failing_since: Time


class TestTold(msgspec.Struct, frozen=True):
    """What `POST /v1/webhooks/{id}/test` sends."""

    webhook_id: Uuid


DATA: dict[str, type[msgspec.Struct]] = {
    **dict.fromkeys(OF_STATUS.values(), StatusTold),
    RECEIVED: ReceivedTold,
    FILE_COMPLETED: FileTold,
    DISABLED: DisabledTold,
    TEST: TestTold,
}
"""Event → the shape of its `data`."""
