"""Pages on Messenger (https://developers.facebook.com/documentation/business-messaging/messenger-platform/)."""

import httpx

from connectors import messaging
from connectors.messaging.inbound import Source

__all__ = ["Settings", "page"]

FIELDS = (
    *("messages", "messaging_postbacks", "message_deliveries", "message_reads"),
    *("message_echoes", "message_reactions", "message_edits"),
)
"""Of the app and of the page: an event is sent where both ask for it."""


class Settings(messaging.Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`page_id` is whose `access_token` this is."""

    page_id: messaging.Id

    def __repr__(self) -> str:
        return f"Settings(page {self.page_id} at {self.base_url})"


def page(http: httpx.AsyncClient, settings: Settings) -> messaging.Inbox:
    source = Source("page", settings.page_id)
    return messaging.Inbox("messenger", http, settings, source, settings.page_id, fields=FIELDS, node_fields=FIELDS)
