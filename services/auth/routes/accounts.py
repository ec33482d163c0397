"""Registering, and what one sees of oneself and of others."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import BaseModel

from libs.common.auth import Caller, unauthenticated
from libs.common.clock import rfc3339
from libs.common.errors import not_found
from libs.common.openapi import documented
from services.auth.domain import accounts as rules
from services.auth.handlers.accounts import Accounts
from services.auth.handlers.channels import Channels
from services.auth.routes.bodies import json_only, shown, valid
from services.auth.routes.shapes import (
    Account,
    OwnProfile,
    Profile,
    answer,
    shown_account,
    shown_mapping,
)

Name = Annotated[str, Path(json_schema_extra={"examples": ["ben"]})]


class Registration(BaseModel):
    """At most 72 bytes of password: bcrypt takes no more."""

    username: Annotated[str, valid(rules.username_fault), shown(pattern="^[a-z][a-z0-9._-]{2,63}$")]
    password: Annotated[str, valid(rules.password_fault), shown(minLength=10, maxLength=72)]
    display_name: Annotated[str, valid(rules.display_name_fault), shown(minLength=1, maxLength=64)] | None = None


def account_routes(accounts: Accounts, channels: Channels) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/auth/register", dependencies=[Depends(json_only)])
    @documented(
        "Register",
        tag="Accounts",
        body=Registration,
        answers={201: Account},
        problems={409: ("username_taken",)},
        examples={"ana": {"username": "ana", "password": "correct horse battery", "display_name": "Ana"}},
        public=True,
    )
    async def register(body: Registration) -> Response:
        return answer(shown_account(await accounts.register(body.username, body.password, body.display_name)), 201)

    @router.get("/v1/users/me")
    @documented("Oneself", tag="Accounts", answers={200: OwnProfile})
    async def me(caller: Caller) -> Response:
        user = await accounts.profile(caller.username)
        if user is None:
            raise unauthenticated()
        mappings = [shown_mapping(mapping) for mapping in await channels.of(user.username)]
        roles: list[Any] = list(user.roles)
        return answer(OwnProfile(user.username, user.display_name, mappings, roles, rfc3339(user.created_at)))

    @router.get("/v1/users/{username}")
    @documented("Somebody", tag="Accounts", description="No addresses of others.", answers={200: Profile})
    async def profile(username: Name, _: Caller) -> Response:
        user = await accounts.profile(username)
        if user is None:
            raise not_found("user")
        return answer(Profile(user.username, user.display_name))

    return router
