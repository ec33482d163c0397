"""Webhooks: to register them, to look at what they were sent, and to verify what comes."""

from clients.parley.webhooks.calls import Webhooks
from clients.parley.webhooks.listener import Listener, listen
from clients.parley.webhooks.objects import (
    Attempt,
    Disabled,
    Hook,
    HookPage,
    Queued,
    Replaying,
    Sent,
    SentPage,
)
from clients.parley.webhooks.signature import TOLERANCE_S, Told, WrongSignatureError, verify

__all__ = [
    "TOLERANCE_S",
    "Attempt",
    "Disabled",
    "Hook",
    "HookPage",
    "Listener",
    "Queued",
    "Replaying",
    "Sent",
    "SentPage",
    "Told",
    "Webhooks",
    "WrongSignatureError",
    "listen",
    "verify",
]
