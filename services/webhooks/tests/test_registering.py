"""Whose webhooks are whose, and that a secret is shown once."""

import asyncio

import pytest

from libs.common.errors import Problem
from libs.common.tests.endpoint import Endpoint
from services.webhooks.outgoing.domain.signing import headers
from services.webhooks.outgoing.handlers.shapes import CreateRequest, PatchRequest
from services.webhooks.outgoing.store.sealing import Seal, Unreadable
from services.webhooks.tests.scene import Scene, until, who

HOOK = Endpoint(url="http://127.0.0.1:9/hooks")


async def test_a_secret_is_shown_once_and_kept_sealed(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        created = await scene.register(made, scene.ana, HOOK)
        shown = await made.registering.show(who(scene.ana), created.webhook_id)
        assert str(created.secret).startswith("whsec_")
        assert "secret" not in repr(shown).replace("secret=UNSET", "").replace("old_secret_until=UNSET", "")
        kept = await scene.registry.list(f"/parley/webhooks/{scene.ana}/")
        assert str(created.secret).removeprefix("whsec_").encode() not in b"".join(kept.values())


def test_what_is_sealed_opens_with_its_key_and_for_its_webhook_alone() -> None:
    sealed = Seal(b"k" * 32).close("whsec_x", "one")
    assert Seal(b"k" * 32).open(sealed, "one") == "whsec_x"
    for key, webhook in ((b"k" * 32, "other"), (b"o" * 32, "one")):
        with pytest.raises(Unreadable):
            Seal(key).open(sealed, webhook)
    with pytest.raises(Unreadable):
        Seal(b"k" * 32).open("rubbish", "one")


async def test_to_strangers_it_is_not_there(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        theirs = (await scene.register(made, scene.ana, HOOK)).webhook_id
        stranger = who(scene.bo, "operator")
        attempts = [
            made.registering.show(stranger, theirs),
            made.registering.change(stranger, theirs, PatchRequest(enabled=False)),
            made.registering.rotate(stranger, theirs),
            made.registering.remove(stranger, theirs),
            made.log.test(stranger, theirs),
            made.log.page(stranger, theirs, 50, None),
            made.log.redeliver(stranger, theirs, theirs),
        ]
        refusals = await asyncio.gather(*attempts, return_exceptions=True)
        assert [getattr(r, "status", r) for r in refusals] == [404] * len(attempts)
        assert (await made.registering.page(stranger, 50, None)).items == []
        assert (await made.registering.show(who(scene.ana), theirs)).enabled


async def test_a_user_has_so_many_and_no_more_also_all_at_once(scene: Scene) -> None:
    async with scene.worker(sends=False) as made:
        asked = [scene.register(made, scene.ana, HOOK) for _ in range(scene.most + 2)]
        ends = await asyncio.gather(*asked, return_exceptions=True)
        refused = [end for end in ends if isinstance(end, Problem)]
        assert [(r.status, r.code) for r in refused] == [(409, "too_many_webhooks")] * 2
        first = await made.registering.page(who(scene.ana), 2, None)
        rest = await made.registering.page(who(scene.ana), 2, first.next_cursor)
        assert len({item.webhook_id for item in (*first.items, *rest.items)}) == scene.most
        assert rest.next_cursor is None
        with pytest.raises(Problem, match="must be a next_cursor"):
            await made.registering.page(who(scene.ana), 2, "rubbish")


@pytest.mark.parametrize(
    ("asked", "status", "where"),
    [
        ({"url": "ftp://example.com"}, 422, "/url"),
        ({"url": "https://10.0.0.1/"}, 422, "/url"),
        ({"events": []}, 422, "/events"),
        ({"events": ["message.sent", "message.lost"]}, 422, "/events/1"),
        ({"events": ["webhook.disabled"]}, 422, "/events/0"),
        ({"description": ""}, 422, "/description"),
        ({"description": "x" * 257}, 422, "/description"),
        ({"scope": "all"}, 403, None),
        ({"scope": "mine"}, 422, "/scope"),
    ],
)
async def test_what_cannot_be_is_refused(
    scene: Scene, asked: dict[str, object], status: int, where: str | None
) -> None:
    async with scene.worker(sends=False) as made:
        good: dict[str, object] = {"url": HOOK.url}
        with pytest.raises(Problem) as refusal:
            await made.registering.create(who(scene.ana), CreateRequest(**good | asked))  # type: ignore[arg-type]
        assert refusal.value.status == status
        assert [e.pointer for e in refusal.value.errors] == ([where] if where else [])


async def test_a_change_is_followed_by_every_worker(scene: Scene) -> None:
    async with scene.worker(sends=False) as made, scene.worker(sends=False) as other:
        created = await scene.register(made, scene.ana, HOOK)
        await until(lambda: other.sending.directory.find(created.webhook_id) is not None)
        asked = PatchRequest(enabled=False, events=["message.read"], description="mine")
        changed = await made.registering.change(who(scene.ana), created.webhook_id, asked)
        assert (changed.enabled, changed.events, changed.description) == (False, ["message.read"], "mine")
        assert changed.disabled
        assert changed.disabled.reason == "owner"
        await until(lambda: not getattr(other.sending.directory.find(created.webhook_id), "enabled", True))
        await made.registering.remove(who(scene.ana), created.webhook_id)
        await until(lambda: other.sending.directory.find(created.webhook_id) is None)


async def test_after_a_rotation_both_secrets_sign_and_five_are_the_most(scene: Scene) -> None:
    async with scene.worker() as made:
        there = await scene.endpoint()
        created = await scene.register(made, scene.ana, there)
        rotated = await made.registering.rotate(who(scene.ana), created.webhook_id)
        await made.log.test(who(scene.ana), created.webhook_id)
        await there.until_heard(1)
        (one,) = there.heard
        secrets = [str(rotated.secret), str(created.secret)]
        expected = headers(secrets, one.id, int(one.headers["webhook-timestamp"]), one.body)
        assert one.headers["webhook-signature"] == expected["webhook-signature"]
        for _ in range(3):
            await made.registering.rotate(who(scene.ana), created.webhook_id)
        with pytest.raises(Problem, match="5 secrets"):
            await made.registering.rotate(who(scene.ana), created.webhook_id)
