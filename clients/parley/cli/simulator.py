"""Talks to the platform simulator's own interface; what it refuses, or does not answer, ends the command in words."""

import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from clients.parley.cli.running import NO_ANSWER, NOT_REACHED, address, failure
from clients.parley.settings import setting

DEFAULT_SIMULATOR = "http://127.0.0.1:8300"
DEFAULT_CHANNEL = "telegram"
DEADLINE_S = 60.0

Fields = Mapping[str, Any]


def simulator_url(url: str | None = None) -> str:
    return address(url or setting("PARLEY_SIMULATOR_URL", os.environ) or DEFAULT_SIMULATOR)


def ask(
    url: str | None,
    method: str,
    path: str,
    body: Fields | None = None,
    query: Fields | None = None,
    channel: str = DEFAULT_CHANNEL,
) -> Any:
    """The answer to a call below `/_sim/<channel>/`, or of a path that begins with a slash. None is not sent."""
    where = path if path.startswith("/") else f"/_sim/{channel}/{path}"
    return _exchange(url, method, where, json=None if body is None else _present(body), params=_present(query or {}))


def send(url: str | None, path: str, query: Fields, file: Path, channel: str = DEFAULT_CHANNEL) -> Any:
    headers = {"content-type": mimetypes.guess_type(file.name)[0] or "application/octet-stream"}
    try:
        with file.open("rb") as content:
            sent = {"params": _present(query), "content": content, "headers": headers}
            return _exchange(url, "POST", f"/_sim/{channel}/{path}", **sent)
    except OSError as error:
        raise failure(str(error), NOT_REACHED) from None


@dataclass(frozen=True)
class There:
    """A platform of a simulator, and whether what it says is shown to programs."""

    url: str | None
    channel: str
    as_json: bool

    def ask(self, method: str, path: str, body: Fields | None = None, query: Fields | None = None) -> Any:
        return ask(self.url, method, path, body, query, self.channel)

    def send(self, path: str, query: Fields, file: Path) -> Any:
        return send(self.url, path, query, file, self.channel)


def _exchange(url: str | None, method: str, path: str, **sent: Any) -> Any:
    where = simulator_url(url)
    try:
        answer = httpx.request(
            method,
            where + path,
            timeout=DEADLINE_S,
            trust_env=False,
            **sent,
        )
    except (httpx.TransportError, httpx.InvalidURL) as error:
        words = f"No platform is simulated at {where}: `make up` starts them ({error})"
        raise failure(words, NO_ANSWER) from None
    if not answer.is_success:
        raise failure(f"The simulator at {where}: {_refusal(answer)}", NOT_REACHED)
    return answer.json()


def _refusal(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"an answer with status {answer.status_code}"
    if isinstance(detail, str):
        return detail
    return "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in detail)


def _present(fields: Fields) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
