"""Where one is reached on channels: saying so, proving it, taking it back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import BaseModel

from connectors.capabilities import CHANNELS
from libs.common.auth import Caller
from libs.common.openapi import documented
from services.auth.handlers.channels import Channels
from services.auth.routes.bodies import json_only, shown
from services.auth.routes.shapes import ChannelMapping, answer, shown_mapping

PROOFS = """\
Where this platform asks for proofs, a code goes to the address and `in_use` is false: nothing else is sent there until
`POST …/verify` brings the code back. Asked again, it sends another, at most 3 in an hour to one address.
"""

Channel = Annotated[str, Path(json_schema_extra={"enum": sorted(CHANNELS)})]


class Address(BaseModel):
    address: str


class Code(BaseModel):
    """Six digits; spaces between them do not count."""

    code: Annotated[str, shown(examples=["402913"])]


def channel_routes(channels: Channels) -> APIRouter:
    router = APIRouter()

    @router.put("/v1/users/me/channels/{channel}", dependencies=[Depends(json_only)])
    @documented(
        "Map a channel to one's address there",
        tag="Accounts",
        body=Address,
        answers={200: ChannelMapping},
        description=PROOFS,
        problems={
            409: ("address_taken", "channel_not_configured"),
            422: ("unknown_channel",),
            429: ("too_many_codes",),
        },
        examples={"whatsapp": {"address": "+431234567"}, "telegram": {"address": "424242"}},
    )
    async def put_channel(channel: Channel, body: Address, caller: Caller) -> Response:
        return answer(shown_mapping(await channels.map(caller.username, channel, body.address)))

    @router.post("/v1/users/me/channels/{channel}/verify", dependencies=[Depends(json_only)])
    @documented(
        "Prove one's address by the code that was sent there",
        tag="Accounts",
        body=Code,
        description="A code is good for 10 minutes and 5 attempts. Safe to repeat: what is proven stays so.",
        answers={200: ChannelMapping},
        problems={
            404: ("not_found",),
            409: ("address_taken",),
            410: ("code_expired",),
            422: ("wrong_code", "unknown_channel"),
            429: ("too_many_attempts",),
        },
        examples={"code": {"code": "402913"}},
    )
    async def verify_channel(channel: Channel, body: Code, caller: Caller) -> Response:
        return answer(shown_mapping(await channels.prove(caller.username, channel, body.code)))

    @router.delete("/v1/users/me/channels/{channel}", status_code=204)
    @documented(
        "Remove a mapping",
        tag="Accounts",
        answers={204: None},
        problems={422: ("unknown_channel",)},
    )
    async def delete_channel(channel: Channel, caller: Caller) -> Response:
        await channels.unmap(caller.username, channel)
        return Response(status_code=204)

    return router
