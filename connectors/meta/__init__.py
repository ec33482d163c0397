"""What Meta's platforms have in common: proof of webhooks, the Graph API, its errors, the envelope of updates."""

from connectors.meta.envelope import split, unread
from connectors.meta.failures import COMMON, Again, Meaning, Meanings, Wait, refusal_of
from connectors.meta.graph import Graph
from connectors.meta.proof import answer_challenge, verify
from connectors.meta.settings import Settings

__all__ = [
    "COMMON",
    "Again",
    "Graph",
    "Meaning",
    "Meanings",
    "Settings",
    "Wait",
    "answer_challenge",
    "refusal_of",
    "split",
    "unread",
    "verify",
]
