"""Tokens for passwords, and the keys that verify them."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from libs.common.errors import Problem
from services.auth.domain.accounts import text_fault
from services.auth.domain.sessions import ACCESS_LIVES, REFRESH_LIVES
from services.auth.handlers.sessions import Sessions
from services.auth.routes.bodies import JSON, fields_of, read, valid

KEYS_MAY_BE_CACHED_S = 60


class PasswordGrant(BaseModel):
    grant_type: str
    username: Annotated[str, valid(text_fault)]
    password: Annotated[str, valid(text_fault)]


def session_routes(sessions: Sessions, jwks: Callable[[], bytes]) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/auth/token")
    async def token(request: Request, response: Response) -> dict[str, str | int]:
        grant = _password_grant(await fields_of(request))
        tokens = await sessions.log_in(grant.username, grant.password)
        response.headers["cache-control"] = "no-store"
        return {
            "access_token": tokens.access_token,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIVES.total_seconds()),
            "refresh_token": tokens.refresh_token,
            "refresh_expires_in": int(REFRESH_LIVES.total_seconds()),
        }

    @router.get("/.well-known/jwks.json")
    async def keys() -> Response:
        headers = {"cache-control": f"public, max-age={KEYS_MAY_BE_CACHED_S}"}
        return Response(jwks(), media_type=JSON, headers=headers)

    return router


def _password_grant(fields: dict[str, Any]) -> PasswordGrant:
    kind = fields.get("grant_type")
    if isinstance(kind, str) and kind != "password":
        raise Problem(400, "unsupported_grant_type", "The only grant_type is `password`.")
    return read(PasswordGrant, fields)
