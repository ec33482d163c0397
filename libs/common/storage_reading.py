"""Objects of any S3 for those who only read them: their bytes as they come, and links to them."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from libs.common.cancellation import heed_cancellation
from libs.common.clock import now
from libs.common.errors import Unavailable
from libs.common.presigning import Signer

LONG_S = 300.0  # without a single byte; to put 2 GiB together, or to copy 64 MiB, inside the store
CONNECT_S = 2.0
READING = timedelta(hours=1)


class Missing(Exception):
    """There is no such object, or no such upload any more."""


@dataclass(frozen=True)
class Place:
    """Where the store is. `public_url` is how clients reach it, where that is another way; `ca`: whom to trust."""

    url: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    public_url: str = ""
    region: str = "us-east-1"
    path_style: bool = True
    ca: Path | None = None

    def tls(self) -> ssl.SSLContext | None:
        if urlsplit(self.url).scheme != "https":
            return None
        return ssl.create_default_context(cafile=str(self.ca) if self.ca else None)

    def signers(self) -> tuple[Signer, Signer]:
        """For URLs that we ask ourselves, and for those that clients get."""
        inside = Signer(self.url, self.bucket, self.region, self.access_key, self.secret_key, self.path_style)
        return inside, replace(inside, url=self.public_url or self.url)


class Stored:
    def __init__(self, place: Place, http: httpx.AsyncClient) -> None:
        self._inside, self._outside = place.signers()
        self._http = http

    def download_url(self, key: str, lifetime: timedelta, disposition: str, content_type: str) -> str:
        return link(self._outside, key, lifetime, disposition, content_type)

    async def read_object(self, key: str) -> AsyncGenerator[bytes, None]:
        """Close it where you stop before the end. Raises `Missing`, and `Unavailable` where it does not all come."""
        url = self._inside.presign("GET", key, now(), READING)
        try:
            async with self._http.stream("GET", url) as answer:
                expect(answer.status_code)
                async for chunk in answer.aiter_bytes():
                    yield chunk
        except httpx.HTTPError as error:
            heed_cancellation()
            raise Unavailable("S3", type(error).__name__) from error


@asynccontextmanager
async def connect(place: Place) -> AsyncIterator[Stored]:
    """Does not wait for the store."""
    async with httpx.AsyncClient(
        timeout=httpx.Timeout(LONG_S, connect=CONNECT_S),
        limits=httpx.Limits(max_connections=50),
        verify=place.tls() or True,
        trust_env=False,
        follow_redirects=True,
    ) as http:
        yield Stored(place, http)


def link(signer: Signer, key: str, lifetime: timedelta, disposition: str, content_type: str) -> str:
    """Good from now on for `lifetime`; what it gives has these headers."""
    query = {"response-content-disposition": disposition, "response-content-type": content_type}
    return signer.presign("GET", key, now(), lifetime, query)


def expect(status: int) -> None:
    """Raises `Missing` where there is nothing, `Unavailable` for anything else but 200."""
    if status == 404:
        raise Missing
    if status != 200:
        raise Unavailable("S3", f"it answers {status}")
