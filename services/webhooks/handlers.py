"""What platforms tell us is verified and made durable; and platforms are told where to."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from prometheus_client import Counter

from connectors.sdk import (
    Connector,
    Forged,
    Refused,
    Throttled,
    Unreachable,
    Unreadable,
    Update,
    WebhookRequest,
    WithHandshake,
)
from libs.common.bus import Outgoing, Publisher
from libs.common.clock import now, rfc3339
from libs.common.errors import Problem, malformed, not_found
from libs.common.events import INBOUND_EVENTS, InboundEvent, cloud_headers, encode
from libs.common.telemetry import traceparent

SOURCE = "/parley/webhooks"
LONGEST = 512 * 1024  # bytes of one update: written as text it is a third longer, and the bus takes 1 MiB
AGAIN_S = (1.0, 2.0, 5.0, 15.0, 60.0)  # the last one for ever

UPDATES = Counter("parley_inbound_updates", "Updates that came, by what became of them.", ["channel", "account", "end"])

log = logging.getLogger(__name__)

Connectors = Mapping[tuple[str, str], Connector]
"""(channel, account) → what speaks for it."""


@dataclass(frozen=True)
class Updates:
    connectors: Connectors
    publisher: Publisher

    async def accept_request(self, channel: str, account: str, request: WebhookRequest) -> None:
        """Returns when all that it says is durable. Raises `Problem`, or `Unavailable`: then the platform tries again.

        What is the platform's and cannot be read is kept, too: refused, it would come again and again.
        """
        connector = self._connector(channel, account)
        try:
            updates = connector.receive(request)
        except Forged:
            raise _forged(channel, account) from None
        except (Unreadable, RecursionError):  # of the latter: it is the platform's, and nested too deep
            if not request.body:
                raise malformed("A webhook has a body.") from None
            updates = [_unread(request.body)]
        updates = [_kept(update, channel, account) for update in updates]
        at = rfc3339(now())
        for failure in await self.publisher.publish_each([_record(channel, account, u, at) for u in updates]):
            if failure is not None:
                UPDATES.labels(channel, account, "not_durable").inc()
                raise failure
        UPDATES.labels(channel, account, "accepted").inc(len(updates))

    def answer_handshake(self, channel: str, account: str, request: WebhookRequest) -> str:
        """What a platform that asks by GET has to hear. Raises `Problem`, also where it is known to ask nothing."""
        connector = self._connector(channel, account)
        if not isinstance(connector, WithHandshake):
            raise _forged(channel, account)
        try:
            return connector.handshake(request)
        except Forged:
            raise _forged(channel, account) from None

    def _connector(self, channel: str, account: str) -> Connector:
        connector = self.connectors.get((channel, account))
        if connector is None:
            raise not_found("account")
        return connector


def _forged(channel: str, account: str) -> Problem:
    UPDATES.labels(channel, account, "forged").inc()
    return Problem(401, "forged", "This request does not prove that it is the platform's.")


def _unread(body: bytes) -> Update:
    return Update("", f"sha256:{hashlib.sha256(body).hexdigest()}", body)


def _kept(update: Update, channel: str, account: str) -> Update:
    """As it came, or its beginning where the bus could not take it, for people to look at."""
    if len(update.body) <= LONGEST:
        return update
    log.warning("an update of %s/%s has %d bytes: only its beginning is kept", channel, account, len(update.body))
    return _unread(update.body[:LONGEST])


def _record(channel: str, account: str, update: Update, at: str) -> Outgoing:
    key = f"{channel}/{account}/{update.address}"
    event = InboundEvent(
        channel=channel,
        account=account,
        address=update.address,
        provider_id=update.provider_id,
        body=update.body,
        at=at,
    )
    event_id = f"{channel}/{account}/{update.provider_id}"
    return Outgoing(INBOUND_EVENTS, key, encode(event), cloud_headers(event, event_id, SOURCE, at, traceparent.get()))


@dataclass(frozen=True)
class Registration:
    """Tells each platform where our webhook is. `notes` says how far that is, for `/health/ready`."""

    connectors: Connectors
    public_url: str
    notes: MutableMapping[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Until all are told; a platform that is away or refuses us keeps nothing else waiting."""
        await asyncio.gather(*(self._connect(*name) for name in self.connectors))

    async def _connect(self, channel: str, account: str) -> None:
        name, attempt = f"{channel}/{account}", 0
        url = f"{self.public_url.rstrip('/')}/v1/channels/{name}/webhook"
        self.notes[name] = "is told where its webhook is"
        while True:
            try:
                ours = await self.connectors[channel, account].connect(url)
            except (Unreachable, Throttled, Refused) as failure:
                after_s = max(AGAIN_S[min(attempt, len(AGAIN_S) - 1)], getattr(failure, "after_s", 0.0))
                attempt += 1
                self.notes[name] = f"not connected: {failure}"
                log.warning("%s is not connected, again in %g s: %s", name, after_s, failure)
                await asyncio.sleep(after_s)
            else:
                self.notes[name] = f"connected as {ours.title}"
                log.info("%s is connected as %s; its updates come to %s", name, ours.title, url)
                return
