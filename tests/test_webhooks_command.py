"""`parley webhooks` and its demo, as a person types them."""

import asyncio

import msgspec

from libs.common.tests.endpoint import endpoint
from tests.command import DEADLINE_S, Home, pair


async def test_a_webhook_is_registered_tried_and_looked_at(home: Home) -> None:
    await pair(home)
    async with endpoint() as there:
        made = (await home.run("webhooks", "create", there.url, "--event", "message.read", "--json")).json
        webhook = made["webhook_id"]
        assert made["secret"].startswith("whsec_")
        queued = (await home.run("webhooks", "test", webhook, "--json")).json
        await there.until_heard(1)
        listed = await home.run("webhooks")
        assert (webhook in listed.out, "enabled" in listed.out) == (True, True)
        async with asyncio.timeout(DEADLINE_S):  # what it answered is written down in a moment
            while "delivered" not in (log := await home.run("webhooks", "deliveries", webhook)).out:
                pass
        assert queued["delivery_id"] in log.out
        await home.run("webhooks", "redeliver", webhook, queued["delivery_id"])
        await there.until_heard(2)
        await home.run("webhooks", "replay", webhook, "--since", "2026-01-01T00:00:00Z")
        await there.until_heard(3)
        assert {one.id for one in there.heard} == {queued["delivery_id"]}
        changed = (await home.run("webhooks", "update", webhook, "--disable", "--json")).json
        assert changed["disabled"]["reason"] == "owner"
        refused = await home.run("webhooks", "test", webhook)
        assert (refused.code, "webhook_disabled" in refused.err) == (1, True)
        assert "shown this once" in (await home.run("webhooks", "rotate", webhook)).out
        assert (await home.run("webhooks", "delete", webhook)).code == 0
        assert (await home.run("webhooks", "show", webhook)).code == 1


async def test_listening_prints_what_is_verified(home: Home) -> None:
    ana, ben = await pair(home)
    async with home.running("webhooks", "listen", "--event", "message.sent", "--count", "1", "--json") as listening:
        while not (await home.run("webhooks", "--json")).json["items"]:
            assert listening.returncode is None
        await home.run("send", ben, "hi")
        assert listening.stdout
        told = msgspec.json.decode(await listening.stdout.readline())
        assert await listening.wait() == 0
    assert (told["type"], told["data"]["from"], told["data"]["recipient"]) == ("message.sent", ana, ben)
    assert (await home.run("webhooks", "--json")).json["items"] == []


async def test_the_demo_shows_a_receiver_that_is_busy_and_gets_everything(home: Home) -> None:
    shown = await home.run("demo", "webhooks", "--deadline", "60")
    assert shown.code == 0, shown.out + shown.err
    assert "every signature verified; 1 came again with the same id." in shown.out
