"""The operators' calls for contacts: beside those for letters, and for the same role."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from libs.common.auth import Operator
from libs.common.openapi import documented
from libs.common.routes import Cursor, Limit, private_answer, read_json
from libs.common.shapes import shown
from services.router.operators.contacts import ContactDesk, ContactPage, Merging, PersonView, Unmerging

TAG = "Operators"
REFUSED = {403: ("not_an_operator",)}
MAX_NAME = 300
MERGING = """\
What was said stays where it is. From now on messages for the one reach the other on channels where the one has no
address, and what the other says to nobody in particular is said as the one. Safe to repeat.
"""

Name = Annotated[str, Path(max_length=MAX_NAME, json_schema_extra={"examples": ["telegram:42"]})]
OfChannel = Annotated[str | None, Query(max_length=32, description="Only those there.")]


class Merge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`preview`: says what it would bring, and changes nothing."""

    other: Annotated[str, shown(examples=["whatsapp:16505551234"], maxLength=MAX_NAME)]
    preview: bool = False


_merge = msgspec.json.Decoder(Merge)


def contact_routes(desk: ContactDesk) -> APIRouter:
    router = APIRouter(prefix="/v1/operators/contacts")

    @router.get("")
    @documented(
        "People on platforms, by name",
        tag=TAG,
        description="Audited: it shows where they are reached.",
        answers={200: ContactPage},
        problems=REFUSED,
    )
    async def list_contacts(
        operator: Operator, channel: OfChannel = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        return private_answer(await desk.page(operator.username, channel, limit, cursor))

    @router.get("/{name}")
    @documented(
        "A contact, with all that are the same person",
        tag=TAG,
        description="By its name or any of its identities. Audited.",
        answers={200: PersonView},
        problems=REFUSED,
    )
    async def show_contact(name: Name, operator: Operator) -> Response:
        return private_answer(await desk.show(operator.username, name))

    @router.post("/{name}/merge")
    @documented(
        "Make another contact the same person",
        tag=TAG,
        description=MERGING,
        body=Merge,
        answers={200: Merging},
        problems={**REFUSED, 409: ("cannot_merge",)},
        examples={"preview": {"other": "whatsapp:16505551234", "preview": True}},
    )
    async def merge_contacts(name: Name, request: Request, operator: Operator) -> Response:
        asked = await read_json(request, _merge)
        if asked.preview:
            return private_answer(await desk.preview(name, asked.other))
        return private_answer(await desk.merge(operator.username, name, asked.other))

    @router.post("/{name}/unmerge")
    @documented(
        "Make a contact a person of its own again",
        tag=TAG,
        description="Everything is as it was before it was merged. Safe to repeat.",
        answers={200: Unmerging},
        problems={**REFUSED, 409: ("merged_by_platform",)},
    )
    async def unmerge_contact(name: Name, operator: Operator) -> Response:
        return private_answer(await desk.unmerge(operator.username, name))

    return router
