"""Who calls: verifies access tokens locally by auth's public keys (JWKS), keeps the verified, refuses the revoked."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import jwt
from fastapi import Depends, Request

from libs.common.errors import Problem, Unavailable

ISSUER = "parley"
AUDIENCE = "parley"
ALGORITHM = "ES256"
CACHE_SIZE = 20_000
KEYS_LIVE_S = 300.0
UNKNOWN_KEY_PAUSE_S = 2.0  # a flood of tokens with made-up `kid`s costs auth one request in this time


def unauthenticated() -> Problem:
    return Problem(401, "unauthenticated", "A valid access token is needed: `Authorization: Bearer …`.")


@dataclass(frozen=True, slots=True)
class Identity:
    username: str
    session_id: str
    roles: frozenset[str]
    expires_at: float  # seconds since the epoch


class TokenVerifier:
    """Verifies signature, issuer, audience and times with a pinned algorithm; keeps results until they expire."""

    def __init__(self, jwks_url: str, http: httpx.AsyncClient) -> None:
        self._jwks_url = jwks_url
        self._http = http
        self._keys: dict[str, Any] = {}
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._stale_at = float("-inf")
        self._verified: dict[str, Identity] = {}
        self._revoked: set[str] | None = set()

    async def check(self) -> None:
        """For readiness: keys are there, and revocations where they are awaited."""
        self._refuse_revoked("")
        if not self._keys:
            await self._ask_for_keys()

    async def verify(self, token: str) -> Identity:
        """Raises `Problem` 401; `Unavailable` only when keys, or revocations, were never fetched."""
        if known := self.known(token):
            return known
        try:
            key = await self._key_of(jwt.get_unverified_header(token).get("kid", ""))
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "sid", "jti"]},
            )
            identity = Identity(
                str(claims["sub"]),
                str(claims["sid"]),
                frozenset(claims.get("roles", ())),
                float(claims["exp"]),
            )
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise unauthenticated() from error
        self._refuse_revoked(identity.session_id)
        self._remember(token, identity)
        return identity

    def known(self, token: str) -> Identity | None:
        """The identity of a token that was verified before and has not expired."""
        identity = self._verified.get(token)
        if identity is None:
            return None
        self._refuse_revoked(identity.session_id)
        if identity.expires_at > time.time():
            return identity
        del self._verified[token]
        raise unauthenticated()

    def await_revocations(self) -> None:
        """No token is believed before `revoke` was called, with nothing perhaps."""
        self._revoked = None

    def revoke(self, *session_ids: str) -> None:
        """Refuses every token of these sessions, verified before or not, until they are forgotten."""
        if self._revoked is None:
            self._revoked = set()
        self._revoked.update(session_ids)

    def forget(self, session_id: str) -> None:
        """For a session whose last token has expired."""
        if self._revoked is not None:
            self._revoked.discard(session_id)

    def _refuse_revoked(self, session_id: str) -> None:
        """Asked at each use, so that nothing must be searched for and dropped when a session is revoked."""
        if self._revoked is None:
            raise Unavailable("etcd", "which sessions are revoked is not known yet")
        if session_id in self._revoked:
            raise unauthenticated()

    def _remember(self, token: str, identity: Identity) -> None:
        if len(self._verified) >= CACHE_SIZE:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = identity

    async def _key_of(self, kid: str) -> Any:
        someone_asks = kid in self._keys and self._asking.locked()
        if self._must_ask(kid) and not someone_asks:
            async with self._asking:
                if self._must_ask(kid):
                    with contextlib.suppress(Unavailable):
                        await self._ask_for_keys()
        if not self._keys:
            raise Unavailable("auth", f"no public keys from {self._jwks_url}")
        key = self._keys.get(kid)
        if key is None:
            raise unauthenticated()
        return key

    def _must_ask(self, kid: str) -> bool:
        """Seldom, also when the last answer was none: auth may be slow or away."""
        at = time.monotonic()
        return at - self._asked_at >= UNKNOWN_KEY_PAUSE_S and (kid not in self._keys or at > self._stale_at)

    async def _ask_for_keys(self) -> None:
        try:
            answer = await self._http.get(self._jwks_url, timeout=3)
            answer.raise_for_status()
            self._keys = {k["kid"]: jwt.PyJWK(k, ALGORITHM).key for k in answer.json()["keys"]}
            self._stale_at = time.monotonic() + KEYS_LIVE_S
        except (httpx.HTTPError, jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise Unavailable("auth", f"no public keys from {self._jwks_url}") from error
        finally:
            self._asked_at = time.monotonic()


def bearer(headers: Mapping[bytes, bytes]) -> str:
    """The token of raw ASGI headers; raises `Problem` 401."""
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated()
    return token.strip()


async def _caller(request: Request) -> Identity:
    verifier: TokenVerifier = request.app.state.verifier
    return await verifier.verify(bearer(dict(request.headers.raw)))


Caller = Annotated[Identity, Depends(_caller)]
"""A route's parameter: the verified caller. `app.state.verifier` is set where the service is wired."""
