"""Instagram accounts (https://developers.facebook.com/documentation/business-messaging/instagram-messaging/)."""

from typing import Annotated

import httpx
from msgspec import Meta

from connectors import messaging
from connectors.messaging.inbound import Source

__all__ = ["Settings", "account"]

FIELDS = ("messages", "messaging_postbacks", "messaging_seen", "message_reactions", "message_edit")
"""Of the app."""

Names = Annotated[str, Meta(pattern=r"^[a-z_]+(,[a-z_]+)*$")]


class Settings(messaging.Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`instagram_id` is the account's in webhooks.

    `node` is what calls go to: `me`, or the id of the page whose token this is. `subscribed_fields` (a list with
    commas) is what the page or account subscribes; with Instagram's own login `messaging_seen` belongs to it.
    """

    instagram_id: messaging.Id
    node: messaging.Id | Annotated[str, Meta(pattern="^me$")] = "me"
    subscribed_fields: Names = "messages,messaging_postbacks,message_reactions"

    def __repr__(self) -> str:
        return f"Settings(account {self.instagram_id} at {self.base_url})"


def account(http: httpx.AsyncClient, settings: Settings) -> messaging.Inbox:
    return messaging.Inbox(
        "instagram",
        http,
        settings,
        Source("instagram", settings.instagram_id),
        settings.node,
        fields=FIELDS,
        node_fields=settings.subscribed_fields.split(","),
        uploads={"platform": "instagram"},
    )
