"""Registering, and what one sees of oneself and of others."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from libs.common.auth import Caller, unauthenticated
from libs.common.clock import rfc3339
from libs.common.errors import not_found
from services.auth.domain import accounts as rules
from services.auth.domain.channels import Mapping
from services.auth.handlers.accounts import Accounts
from services.auth.handlers.channels import Channels
from services.auth.routes.bodies import json_only, valid


class Registration(BaseModel):
    username: Annotated[str, valid(rules.username_fault)]
    password: Annotated[str, valid(rules.password_fault)]
    display_name: Annotated[str, valid(rules.display_name_fault)] | None = None


class Address(BaseModel):
    address: str


def account_routes(accounts: Accounts, channels: Channels) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/auth/register", status_code=201, dependencies=[Depends(json_only)])
    async def register(body: Registration) -> dict[str, str]:
        user = await accounts.register(body.username, body.password, body.display_name)
        return {
            "username": user.username,
            "display_name": user.display_name,
            "created_at": rfc3339(user.created_at),
        }

    @router.get("/v1/users/me")
    async def me(caller: Caller) -> dict[str, Any]:
        user = await accounts.profile(caller.username)
        if user is None:
            raise unauthenticated()
        return {
            "username": user.username,
            "display_name": user.display_name,
            "channels": [_shown(mapping) for mapping in await channels.of(user.username)],
            "roles": user.roles,
            "created_at": rfc3339(user.created_at),
        }

    @router.put("/v1/users/me/channels/{channel}", dependencies=[Depends(json_only)])
    async def put_channel(channel: str, body: Address, caller: Caller) -> dict[str, str]:
        return _shown(await channels.map(caller.username, channel, body.address))

    @router.delete("/v1/users/me/channels/{channel}", status_code=204)
    async def delete_channel(channel: str, caller: Caller) -> None:
        await channels.unmap(caller.username, channel)

    @router.get("/v1/users/{username}")
    async def profile(username: str, _: Caller) -> dict[str, str]:
        user = await accounts.profile(username)
        if user is None:
            raise not_found("user")
        return {"username": user.username, "display_name": user.display_name}

    return router


def _shown(mapping: Mapping) -> dict[str, str]:
    return {"channel": mapping.channel, "address": mapping.address, "created_at": rfc3339(mapping.created_at)}
