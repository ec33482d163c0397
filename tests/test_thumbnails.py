"""Thumbnails of an image, from its upload to a member's screen, through the gateway."""

import asyncio

import httpx

from services.files.tests.images import photo, png_that_claims
from tests.conftest import PATIENCE_S, Chat
from tests.contract.conftest import Caller, Json, NewCaller, new_caller

__all__ = ["new_caller"]

A_PHOTO = {"filename": "view.jpg", "content_type": "image/jpeg"}


async def decided(caller: Caller, file_id: str) -> Json:
    """The metadata, once there are thumbnails or never will be."""
    async with asyncio.timeout(PATIENCE_S):
        while not (file := (await caller.get(f"/v1/files/{file_id}")).json())["thumbnails"]:
            if "thumbnails_error" in file:
                break
            await asyncio.sleep(0.1)
    return dict(file)


async def test_the_members_of_its_conversation_get_thumbnails_of_an_image(chat: Chat, new_caller: NewCaller) -> None:
    ana, bo, stranger = [await new_caller() for _ in range(3)]
    conversation, file_id = await ana.opens(bo), await ana.uploads(photo(turned=6), **A_PHOTO)
    phone = await bo.online()
    await ana.post("/v1/messages", {"conversation_id": conversation, "payload": {"type": "file", "file_id": file_id}})
    await phone.first("message", conversation_id=conversation)
    thumbnails = (await decided(bo, file_id))["thumbnails"]
    assert [(t["width"], t["height"]) for t in thumbnails] == [(120, 160), (480, 640)]
    async with httpx.AsyncClient(timeout=60) as store:
        for thumbnail in thumbnails:
            answer = await store.get(thumbnail["url"])
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
            assert len(answer.content) == thumbnail["size"]
            assert (await store.get(thumbnail["url"].partition("?")[0])).status_code == 403
    assert (await stranger.get(f"/v1/files/{file_id}")).status_code == 404


async def test_images_that_do_harm_hold_up_no_others_and_a_killed_worker_loses_none(
    chat: Chat, new_caller: NewCaller
) -> None:
    ana = await new_caller()
    bad = [await ana.uploads(content, **A_PHOTO) for content in (png_that_claims(60_000, 60_000), photo()[:2_000])]
    good = [await ana.uploads(photo(), **A_PHOTO) for _ in range(5)]
    chat.kill("files")
    await chat.whole_again()
    for file_id in good:
        assert len((await decided(ana, file_id))["thumbnails"]) == 2
    errors = [(await decided(ana, file_id))["thumbnails_error"]["code"] for file_id in bad]
    assert errors == ["too_many_pixels", "broken_image"]
