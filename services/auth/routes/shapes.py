"""What auth answers, and what the documents show of it."""

from typing import Annotated, Literal

import msgspec
from fastapi.responses import Response

from libs.common.clock import rfc3339
from libs.common.shapes import Time, Username, shown
from services.auth.domain.accounts import User
from services.auth.domain.channels import Mapping
from services.auth.domain.claims import Claim

JSON = "application/json"


class Account(msgspec.Struct, frozen=True):
    username: Username
    display_name: str
    created_at: Time


class ChannelMapping(msgspec.Struct, frozen=True):
    channel: str
    address: str
    created_at: Time
    verified: Annotated[bool, shown("A code that was sent there has proven it.")]
    in_use: Annotated[bool, shown("Messages go there. Where proofs are asked for, not before it is proven.")]


class OwnProfile(msgspec.Struct, frozen=True):
    username: Username
    display_name: str
    channels: list[ChannelMapping]
    roles: list[Literal["user", "operator"]]
    created_at: Time


class Profile(msgspec.Struct, frozen=True):
    username: Username
    display_name: str


class TokenAnswer(msgspec.Struct, frozen=True):
    """Lifetimes in seconds. A refresh token works once: the answer brings the next."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    refresh_expires_in: int


class Nothing(msgspec.Struct, frozen=True):
    pass


class PublicKey(msgspec.Struct, frozen=True):
    """RFC 7517."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    alg: Literal["ES256"]
    use: Literal["sig"]


class KeySet(msgspec.Struct, frozen=True):
    keys: list[PublicKey]


def answer(shape: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(shape), status, media_type=JSON)


def shown_account(user: User) -> Account:
    return Account(user.username, user.display_name, rfc3339(user.created_at))


def shown_mapping(mapping: Mapping | Claim) -> ChannelMapping:
    is_mapping = isinstance(mapping, Mapping)
    verified = isinstance(mapping, Mapping) and mapping.verified_at is not None
    return ChannelMapping(mapping.channel, mapping.address, rfc3339(mapping.created_at), verified, is_mapping)
