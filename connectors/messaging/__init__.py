"""What Messenger and Instagram have in common: the Send API, its errors, and what its webhooks tell."""

from connectors.messaging.inbox import Inbox
from connectors.messaging.settings import Id, Settings

__all__ = ["Id", "Inbox", "Settings"]
