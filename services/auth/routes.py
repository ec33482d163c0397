"""HTTP in, use case, HTTP out: accounts, tokens and the public keys."""

import json
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from libs.common.auth import Caller, unauthenticated
from libs.common.clock import rfc3339
from libs.common.errors import Problem, invalid, malformed, not_found
from services.auth import domain
from services.auth.domain import ACCESS_LIVES, REFRESH_LIVES
from services.auth.handlers import Accounts

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
KEYS_MAY_BE_CACHED_S = 60


def _valid(fault_of: Callable[[str], str | None]) -> AfterValidator:
    def check(value: str) -> str:
        if fault := fault_of(value):
            raise PydanticCustomError("invalid_field", "{fault}", {"fault": fault})
        return value

    return AfterValidator(check)


class Registration(BaseModel):
    username: Annotated[str, _valid(domain.username_fault)]
    password: Annotated[str, _valid(domain.password_fault)]
    display_name: Annotated[str, _valid(domain.display_name_fault)] | None = None


class PasswordGrant(BaseModel):
    grant_type: str
    username: Annotated[str, _valid(domain.text_fault)]
    password: Annotated[str, _valid(domain.text_fault)]


def routes(accounts: Accounts, jwks: Callable[[], bytes]) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/auth/register", status_code=201, dependencies=[Depends(_json_only)])
    async def register(body: Registration) -> dict[str, str]:
        user = await accounts.register(body.username, body.password, body.display_name)
        return {
            "username": user.username,
            "display_name": user.display_name,
            "created_at": rfc3339(user.created_at),
        }

    @router.post("/v1/auth/token")
    async def token(request: Request, response: Response) -> dict[str, str | int]:
        grant = _password_grant(await _fields(request))
        tokens = await accounts.log_in(grant.username, grant.password)
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

    @router.get("/v1/users/me")
    async def me(caller: Caller) -> dict[str, Any]:
        user = await accounts.profile(caller.username)
        if user is None:
            raise unauthenticated()
        return {
            "username": user.username,
            "display_name": user.display_name,
            "channels": [],
            "roles": user.roles,
            "created_at": rfc3339(user.created_at),
        }

    @router.get("/v1/users/{username}")
    async def profile(username: str, _: Caller) -> dict[str, str]:
        user = await accounts.profile(username)
        if user is None:
            raise not_found("user")
        return {"username": user.username, "display_name": user.display_name}

    return router


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _json_only(request: Request) -> None:
    """Runs before the framework's own verdict on the body, which would be 422 for both."""
    if _content_type(request) != JSON:
        raise _unsupported(JSON)
    if not await request.body():
        raise malformed("The body is empty.")


def _unsupported(expected: str) -> Problem:
    return Problem(415, "unsupported_media_type", f"The body must be {expected}.")


async def _fields(request: Request) -> dict[str, Any]:
    """The body's fields, whether it is JSON or a form."""
    match _content_type(request):
        case "application/json":
            return _json_fields(await request.body())
        case "application/x-www-form-urlencoded":
            return _form_fields(await request.body())
    raise _unsupported(f"{JSON} or {FORM}")


def _json_fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise malformed("The body is not valid JSON.") from error
    if not isinstance(fields, dict):
        raise invalid("", "The body must be an object.")
    return fields


def _form_fields(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise malformed("The body is not a valid form.") from error
    if len(pairs) != len(dict(pairs)):
        raise malformed("A field of the form is repeated.")
    return dict(pairs)


def _password_grant(fields: dict[str, Any]) -> PasswordGrant:
    kind = fields.get("grant_type")
    if isinstance(kind, str) and kind != "password":
        raise Problem(400, "unsupported_grant_type", "The only grant_type is `password`.")
    try:
        return PasswordGrant.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in error.errors()]) from error
