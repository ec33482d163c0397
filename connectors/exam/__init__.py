"""The exam that every channel sits: cases as JSON beside its code, played against a real server on loopback.

A case says what is done, which requests that makes, what the platform answers, and what comes of it. Each request is
held against the platform's published format as well, whatever its case says.
"""

from connectors.exam.cases import CallCase, Case, Cases, WebhookCase, read_cases, too_few_of_failures
from connectors.exam.formats import FORMATS, Format
from connectors.exam.sitting import sit

__all__ = [
    "FORMATS",
    "CallCase",
    "Case",
    "Cases",
    "Format",
    "WebhookCase",
    "read_cases",
    "sit",
    "too_few_of_failures",
]
