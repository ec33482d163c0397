"""Who calls: verifies access tokens locally by auth's public keys, keeps the verified, refuses the revoked."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import httpx
import jwt
from fastapi import Depends, Request

from libs.common.errors import Problem, Unavailable
from libs.common.jwks import ALGORITHM, PublishedKeys

ISSUER = "parley"
AUDIENCE = "parley"
CACHE_SIZE = 20_000
OPERATOR = "operator"


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
        self._verified: dict[str, Identity] = {}
        self._revoked: set[str] | None = set()
        self._keys = PublishedKeys(jwks_url, http, self._verified.clear)

    async def run(self) -> NoReturn:
        """For ever: a key that auth publishes no more is not believed for long."""
        await self._keys.run()

    async def check(self) -> None:
        """For readiness: keys are there, and revocations where they are awaited."""
        self._refuse_revoked("")
        await self._keys.check()

    async def verify(self, token: str) -> Identity:
        """Raises `Problem` 401; `Unavailable` while auth does not say whether a key is its own, or who is revoked."""
        if known := self.known(token):
            return known
        try:
            claims = jwt.decode(
                token,
                await self._key_of(token),
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

    async def _key_of(self, token: str) -> Any:
        """What cannot be a token of ours is refused without asking for its key."""
        head = jwt.get_unverified_header(token)
        key_id = head.get("kid")
        key = await self._keys.find(key_id) if key_id and head.get("alg") == ALGORITHM else None
        if key is None:
            raise unauthenticated()
        return key


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


async def _operator(caller: Caller) -> Identity:
    if OPERATOR not in caller.roles:
        grant = f"`parley operators grant {caller.username}`"
        words = f"{caller.username} is no operator: {grant} on the platform's own machine, then a new token."
        raise Problem(403, "not_an_operator", words)
    return caller


Operator = Annotated[Identity, Depends(_operator)]
"""The same, for operators alone."""
