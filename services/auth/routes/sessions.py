"""Tokens for passwords and for refresh tokens, their end, and the keys that verify them."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from libs.common.errors import Problem
from services.auth.domain.accounts import text_fault
from services.auth.domain.keys import CACHED
from services.auth.domain.sessions import ACCESS_LIVES, REFRESH_LIVES, Tokens
from services.auth.handlers.sessions import Sessions
from services.auth.routes.bodies import JSON, fields_of, read, valid

KEYS_MAY_BE_CACHED_S = int(CACHED.total_seconds())


class PasswordGrant(BaseModel):
    grant_type: str
    username: Annotated[str, valid(text_fault)]
    password: Annotated[str, valid(text_fault)]


class RefreshGrant(BaseModel):
    grant_type: str
    refresh_token: str


class Revocation(BaseModel):
    token: str


def session_routes(sessions: Sessions, jwks: Callable[[], bytes]) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/auth/token")
    async def token(request: Request, response: Response) -> dict[str, str | int]:
        grant = _grant(await fields_of(request))
        if isinstance(grant, RefreshGrant):
            tokens = await sessions.refresh(grant.refresh_token)
        else:
            tokens = await sessions.log_in(grant.username, grant.password)
        response.headers["cache-control"] = "no-store"
        return _shown(tokens)

    @router.post("/v1/auth/revoke")
    async def revoke(request: Request) -> dict[str, str]:
        await sessions.revoke(read(Revocation, await fields_of(request)).token)
        return {}

    @router.get("/.well-known/jwks.json")
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
