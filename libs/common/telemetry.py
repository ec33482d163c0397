"""Logs as JSON lines, the trace that a request or record belongs to, and the registry of metrics."""

import logging
import random
import re
import sys
import time
from contextvars import ContextVar
from typing import Any

import msgspec

TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")

traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""The W3C trace context of what is being worked on: `00-<trace id>-<span id>-<flags>`, or ""."""

_encode = msgspec.json.Encoder(enc_hook=str).encode
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def continue_trace(incoming: str | None, flags: str | None = None) -> str:
    """The same trace with a span of our own; a new, unsampled trace where `incoming` is none or not valid.

    `flags` beat those that came: who decides whether a trace is recorded passes them.
    """
    span = f"{random.getrandbits(64) or 1:016x}"
    match = TRACEPARENT.match(incoming) if incoming else None
    if match is None or match[1] == "0" * 32:
        return f"00-{random.getrandbits(128) or 1:032x}-{span}-{flags or '00'}"
    return f"00-{match[1]}-{span}-{flags or match[3]}"


def trace_id() -> str:
    """32 hex digits, or "" outside of any trace."""
    return traceparent.get()[3:35]


class JsonFormatter(logging.Formatter):
    """One line of JSON per record; what is passed as `extra=` stands beside the message."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace := trace_id():
            line["trace_id"] = trace
        line.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _encode(line).decode()


class Damper(logging.Filter):
    """Lets each message of somebody else's library through once in ten seconds: an outage is not to fill the disk."""

    PAUSE_S = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith(("libs.", "services.")):
            return True
        key = (record.name, str(record.msg))
        is_due = record.created - self._last.get(key, 0.0) >= self.PAUSE_S
        if is_due:
            if len(self._last) >= 1_000:
                self._last.clear()
            self._last[key] = record.created
        return is_due


def configure_logs(service: str, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    handler.addFilter(Damper())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("aiokafka", "asyncio", "httpx", "httpcore", "uvicorn.error", "pymongo", "picows"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.ERROR)
