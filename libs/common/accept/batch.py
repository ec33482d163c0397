"""Acceptance of many messages of one sender: each is refused alone, all share one look-up and one wave to Kafka."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from libs.common import tracing
from libs.common.accept.acceptor import Acceptor
from libs.common.accept.body import parse_body
from libs.common.accept.draft import Accepted, Addressed, Draft, address, draft
from libs.common.accept.recent import conflict
from libs.common.bus import PublishEach
from libs.common.clock import now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Problem, Retry, Unavailable
from libs.common.events import MESSAGE_EVENTS, MessageEvent

Outcome = Accepted | Problem | Retry
"""Of one message: accepted, refused for its own sake, or not taken by a dependency, which promises nothing."""


@dataclass(frozen=True)
class BatchAcceptor:
    """`publish_each` is another way to where the acceptor's `publish` leads."""

    acceptor: Acceptor
    members: Members
    publish_each: PublishEach

    async def accept_messages(self, sender: str, said: Sequence[msgspec.Raw]) -> list[Outcome]:
        """One outcome each, in the order given; what is accepted of a conversation stands there in this order.

        Pointers are relative to the message. The same message_id twice is one message, or a conflict. Raises `Retry`
        where a dependency is why nothing at all was accepted: then the whole batch is to be sent again.
        """
        drafts = [_draft(sender, one) for one in said]
        known, reason = await self._members_of({d.conversation_id for d in drafts if isinstance(d, Draft)})
        addressed = [self._address(d, known, reason) if isinstance(d, Draft) else d for d in drafts]
        composed = await self.acceptor.composer.compose(addressed, rfc3339(now()))
        wave = dict[str, MessageEvent]()
        checked = [_join(wave, c) if isinstance(c, MessageEvent) else c for c in composed]
        failures = await self._publish(sender, list(wave.values()))
        outcomes = [_outcome(c, failures) if isinstance(c, MessageEvent) else c for c in checked]
        if not any(isinstance(o, Accepted) for o in outcomes):
            for reason in (o for o in outcomes if isinstance(o, Retry)):
                raise reason
        return outcomes

    async def _members_of(self, wanted: Collection[str]) -> tuple[Mapping[str, Sequence[str]], Retry | None]:
        """With one query; where it fails, what is remembered, and why there is no more."""
        try:
            return await self.members.of_all(wanted), None
        except Retry as reason:
            return {c: found for c in wanted if (found := self.members.known(c))}, reason

    def _address(
        self, said: Draft, known: Mapping[str, Sequence[str]], reason: Retry | None
    ) -> Addressed | Problem | Retry:
        members = known.get(said.conversation_id, ())
        if reason and not members:
            return reason
        try:
            message = address(said, members)
            self.acceptor.recent.check(said.message_id, message.fingerprint)
        except Problem as problem:
            return problem
        return message

    async def _publish(self, sender: str, wave: Sequence[MessageEvent]) -> dict[str, Unavailable]:
        """What Kafka did not take, by id. Raises `Unavailable` where there is no room for the wave."""
        if not wave:
            return {}
        about = tracing.about_topic(MESSAGE_EVENTS, "send") | {"messaging.batch.message_count": len(wave)}
        with self.acceptor.room(len(wave)), tracing.span(f"send {MESSAGE_EVENTS}", "producer", about):
            failures = await self.publish_each([self.acceptor.message_record(event) for event in wave])
        for event, failure in zip(wave, failures, strict=True):
            if failure is None:
                self.acceptor.recent.remember(event.message_id, event.fingerprint, sender)
        return {event.message_id: failure for event, failure in zip(wave, failures, strict=True) if failure}


def _draft(sender: str, said: msgspec.Raw) -> Draft | Problem:
    try:
        return draft(sender, parse_body(said))
    except Problem as problem:
        return problem


def _join(wave: dict[str, MessageEvent], event: MessageEvent) -> MessageEvent | Problem:
    """Each id once."""
    first = wave.setdefault(event.message_id, event)
    return first if first.fingerprint == event.fingerprint else conflict()


def _outcome(event: MessageEvent, failures: Mapping[str, Unavailable]) -> Accepted | Unavailable:
    failure = failures.get(event.message_id)
    return failure or Accepted(event.message_id, event.conversation_id, event.accepted_at)
