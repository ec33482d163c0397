"""What would become of a message: for each recipient and channel, whether it would go, how, and why not; pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

from connectors import sdk
from connectors.capabilities import CHANNELS, EVERY_CHANNEL, INTERNAL, StatusCeiling
from connectors.capabilities.adapt import File, Piece, adapt
from libs.common.board import Account
from libs.common.events import DeliveryError, Location, Payload, SentFile, Step
from libs.common.routing import first_failure, refusal_of
from libs.common.shapes import Someone, Uuid, shown
from services.frontend.reaching import Reached

A_LINK = "https://" + "x" * 500
"""As long as one to a file is: where it stands in a text decides what fits beside it."""

Verdict = Literal["goes", "waits", "fails"]


class PlannedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient on one channel. `account` would write; null where nobody would."""

    recipient: Someone
    channel: str
    verdict: Annotated[Verdict, shown("`waits`: it goes as soon as the platform answers again.")]
    reasons: Annotated[list[DeliveryError], shown("Why it waits or fails.")]
    account: str | None
    pieces: Annotated[int, shown("How many messages it becomes there.", minimum=1)]
    adapted: Annotated[list[str], shown("What is changed so that it fits the channel, such as `text_split`.")]
    status_ceiling: StatusCeiling
    step: Annotated[int, shown("Of the route, counted from 0.", minimum=0)] | msgspec.UnsetType = msgspec.UNSET
    after_s: (
        Annotated[int, shown("When its step is begun, where nothing reaches them before; null: it never is.")]
        | msgspec.UnsetType
        | None
    ) = msgspec.UNSET


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """As things are at this moment: nothing is stored, and nothing is sent."""

    conversation_id: Uuid
    to: list[Someone]
    channels: list[str]
    route: list[Step] | msgspec.UnsetType = msgspec.UNSET
    deliveries: list[PlannedDelivery]


class Fit(NamedTuple):
    pieces: int
    adapted: list[str]


def fit(payload: Payload, channel: str) -> Fit:
    """How the payload would be made to fit."""
    pieces, words = adapt(_content(payload), EVERY_CHANNEL[channel])
    return Fit(len(pieces), list(words))


def plan_internal(recipient: str, payload: Payload) -> PlannedDelivery:
    """Somebody known by an address alone has no device here."""
    reasons = []
    if ":" in recipient:
        reasons.append(DeliveryError("no_address", "They are known by an address alone, and have no device here."))
    return _planned(recipient, INTERNAL, None, reasons, "fails" if reasons else "goes", fit(payload, INTERNAL))


def plan_external(
    found: Reached, fitting: Fit, configured: Collection[str], open_breakers: Collection[Account], at: datetime
) -> PlannedDelivery:
    """As the router would decide it now."""
    recipient, channel = found.target.recipient, found.target.channel
    failure = first_failure(found.target, configured, at, found.contact)
    failure = failure or refusal_of(found.channel, found.contact, at)
    if failure:
        return _planned(recipient, channel, found.account, [_plain(failure)], "fails", fitting)
    if (channel, found.account) in open_breakers:
        title = CHANNELS[channel].title
        away = DeliveryError("breaker_open", f"{title} fails at the moment; it goes when it answers again.")
        return _planned(recipient, channel, found.account, [away], "waits", fitting)
    return _planned(recipient, channel, found.account, [], "goes", fitting)


def in_order(steps: Sequence[Step], planned: Mapping[str, PlannedDelivery]) -> list[PlannedDelivery]:
    """One recipient's, channel by channel, in the order of the route and with the time at which each is begun.

    What fails is followed at once.
    """
    after_s, ordered = 0, []
    for index, step in enumerate(steps):
        one = planned[step.channel]
        ordered.append(msgspec.structs.replace(one, step=index, after_s=after_s))
        after_s += 0 if one.verdict == "fails" else step.after_s or 0
    return ordered


def _plain(failure: DeliveryError) -> DeliveryError:
    """`blocked`, whatever their platform calls it that they cannot be reached."""
    known = ("channel_not_configured", "no_address", "window_closed")
    return failure if failure.code in known else DeliveryError("blocked", failure.detail)


def _planned(
    recipient: str, channel: str, account: str | None, reasons: list[DeliveryError], verdict: Verdict, fitting: Fit
) -> PlannedDelivery:
    return PlannedDelivery(
        recipient=recipient,
        channel=channel,
        verdict=verdict,
        reasons=reasons,
        account=account,
        pieces=fitting.pieces,
        adapted=fitting.adapted,
        status_ceiling=EVERY_CHANNEL[channel].status_ceiling,
    )


def _content(payload: Payload) -> Piece:
    match payload:
        case Location(latitude=latitude, longitude=longitude, name=name):
            return sdk.Place(latitude, longitude, name)
        case SentFile(file=file, caption=caption):
            return File(file.filename, file.content_type, file.size, A_LINK, caption)
        case _:
            return sdk.Text(payload.text)
