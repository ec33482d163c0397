"""Sends what waits to webhooks with the app's signature, and asks them first whether they are ours."""

import asyncio
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

import httpx
import msgspec

from connectors.simulator.meta.errors import no_handshake
from connectors.simulator.meta.outlet import Event, Outlet

log = logging.getLogger(__name__)

SIGNATURE = "X-Hub-Signature-256"
USER_AGENT = "facebookexternalua"
MOST_CHALLENGE = 1_024
Shake = Callable[[str, str], Awaitable[None]]
"""With a URL and a verify token; raises `GraphError` where it is not answered."""


class Sender:
    """`outlets` are those of now. One request at a time for each; what happens meanwhile goes together in the next."""

    def __init__(
        self, outlets: Callable[[], Iterable[Outlet]], clock: Callable[[], float], http: httpx.AsyncClient
    ) -> None:
        self._outlets = outlets
        self._clock = clock
        self._http = http
        self._busy: set[int] = set()
        self._wake = asyncio.Event()

    def changed(self) -> None:
        """Something waits, or goes elsewhere."""
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for outlet in self._free():
                    if events := outlet.due():
                        self._busy.add(id(outlet))
                        tasks.create_task(self._send(outlet, events))
                await self._pause()

    def _free(self) -> list[Outlet]:
        return [outlet for outlet in self._outlets() if outlet.url and id(outlet) not in self._busy]

    async def _pause(self) -> None:
        times = [at for at in (outlet.wakes_at() for outlet in self._free()) if at is not None]
        wait = max(0.0, min(times) - self._clock()) if times else None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait)

    async def _send(self, outlet: Outlet, events: Sequence[Event]) -> None:
        try:
            body = msgspec.json.encode(outlet.pack([event.body for event in events]))
            status, why = await self._post(outlet.url, signed(body, outlet.app_secret), body)
            if status == 200:
                outlet.taken(events)
            else:
                outlet.failed(events, why)
        except Exception:
            log.exception("updates were not sent")
            outlet.failed(events, "Something went wrong here")
        finally:
            self._busy.discard(id(outlet))
            self._wake.set()

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        try:
            async with asyncio.timeout(self._http.timeout.read):
                answer = await self._http.post(url, content=body, headers=headers, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return 0, type(error).__name__
        return answer.status_code, f"HTTP Status Code = {answer.status_code}"


def signed(body: bytes, app_secret: str) -> dict[str, str]:
    signature = hmac.digest(app_secret.encode(), body, "sha256").hex()
    return {"content-type": "application/json", SIGNATURE: f"sha256={signature}", "user-agent": USER_AGENT}


async def shake_hands(http: httpx.AsyncClient, url: str, verify_token: str) -> None:
    """Asks by GET whether the webhook knows the token. Raises `GraphError`."""
    challenge = str(secrets.randbelow(10**10))
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        async with asyncio.timeout(http.timeout.read):
            answer = await http.get(url, params=query, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise no_handshake(type(error).__name__) from None
    if answer.status_code != 200:
        raise no_handshake(f"HTTP Status Code = {answer.status_code}")
    if answer.content[:MOST_CHALLENGE] != challenge.encode():
        raise no_handshake("the challenge was not answered with itself")
