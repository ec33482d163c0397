"""Tokens for passwords and for refresh tokens, their end, and the keys that verify them."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from libs.common.errors import Problem
from libs.common.openapi import Answer, documented
from services.auth.domain.accounts import text_fault
from services.auth.domain.keys import CACHED
from services.auth.domain.sessions import ACCESS_LIVES, REFRESH_LIVES, Tokens
from services.auth.handlers.sessions import Sessions
from services.auth.routes.addresses import Proxies, caller_address
from services.auth.routes.bodies import FORM, JSON, fields_of, read, shown, valid
from services.auth.routes.shapes import KeySet, Nothing, TokenAnswer

KEYS_MAY_BE_CACHED_S = int(CACHED.total_seconds())


class PasswordGrant(BaseModel):
    grant_type: Annotated[str, shown(enum=["password"])]
    username: Annotated[str, valid(text_fault)]
    password: Annotated[str, valid(text_fault)]


class RefreshGrant(BaseModel):
    grant_type: Annotated[str, shown(enum=["refresh_token"])]
    refresh_token: str


class Revocation(BaseModel):
    token: str


def session_routes(sessions: Sessions, jwks: Callable[[], bytes], proxies: Proxies) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/auth/token")
    @documented(
        "Log in, or go on",
        tag="Tokens",
        description="A refresh token works once; using an old one again ends its session.",
        body=(PasswordGrant, RefreshGrant),
        takes=(JSON, FORM),
        answers={200: Answer(TokenAnswer, headers={"Cache-Control": "`no-store`"})},
        problems={400: ("unsupported_grant_type",), 401: ("invalid_credentials",), 429: ("too_many_attempts",)},
        examples={
            "password": {"grant_type": "password", "username": "ana", "password": "correct horse battery"},
            "refresh": {"grant_type": "refresh_token", "refresh_token": "the refresh token"},
        },
        public=True,
    )
    async def token(request: Request, response: Response) -> dict[str, str | int]:
        grant = _grant(await fields_of(request))
        if isinstance(grant, RefreshGrant):
            tokens = await sessions.refresh(grant.refresh_token)
        else:
            tokens = await sessions.log_in(grant.username, grant.password, caller_address(request, proxies))
        response.headers["cache-control"] = "no-store"
        return _shown(tokens)

    @router.post("/v1/auth/revoke")
    @documented(
        "Log out",
        tag="Tokens",
        description="Ends the session of a refresh or access token everywhere within 2 s. 200 whatever the token.",
        body=Revocation,
        takes=(JSON, FORM),
        answers={200: Nothing},
        examples={"token": {"token": "the refresh token"}},
        public=True,
    )
    async def revoke(request: Request) -> dict[str, str]:
        await sessions.revoke(read(Revocation, await fields_of(request)).token)
        return {}

    @router.get("/.well-known/jwks.json")
    @documented(
        "The keys that verify access tokens",
        tag="Tokens",
        answers={200: Answer(KeySet, headers={"Cache-Control": "How long they may be kept."})},
        public=True,
    )
    async def keys() -> Response:
        headers = {"cache-control": f"public, max-age={KEYS_MAY_BE_CACHED_S}"}
        return Response(jwks(), media_type=JSON, headers=headers)

    return router


def _grant(fields: dict[str, Any]) -> PasswordGrant | RefreshGrant:
    match fields.get("grant_type"):
        case "refresh_token":
            return read(RefreshGrant, fields)
        case str(other) if other != "password":
            raise Problem(400, "unsupported_grant_type", "The grant_type is `password` or `refresh_token`.")
    return read(PasswordGrant, fields)


def _shown(tokens: Tokens) -> dict[str, str | int]:
    return {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIVES.total_seconds()),
        "refresh_token": tokens.refresh_token,
        "refresh_expires_in": int(REFRESH_LIVES.total_seconds()),
    }
