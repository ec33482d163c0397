"""Routes on the real servers: what is begun when it is due, what is never begun, and what is called off."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec import structs

from connectors.sdk import Reported
from libs.common import schema
from libs.common.clock import now, rfc3339
from libs.common.deliveries import read_deliveries
from libs.common.events import InboundEvent, Step, encode
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from services.router.handlers import Deliveries, Following
from services.router.inbound import Told
from services.router.outbox import Outbox
from services.router.store import Store
from services.router.tests.scene import Scene, message, receipt, record

TELEGRAM = ("telegram", "main")
ROUTE = [Step("internal", "DELIVERED", 60), Step("whatsapp", "DELIVERED", 60), Step("telegram")]


@dataclass
class Way:
    """A router that has just started; telegram alone is configured, and nobody carries to it."""

    scene: Scene
    routes: Scheduler
    deliveries: Deliveries
    following: Following

    async def send(self, *route: Step) -> str:
        """Stored and opened; its id."""
        event = message(self.scene.conversation, self.scene.ana, "hi", None, *(s.channel for s in route))
        messages = self.scene.messages()
        await messages.handle([record(encode(structs.replace(event, route=list(route))))])
        await self.deliveries.open([event.message_id])
        return event.message_id

    async def later(self, message_id: str, seconds: float) -> None:
        """So much time goes by."""
        database, by = self.scene.database, timedelta(seconds=seconds)
        stored = await database["messages"].find_one({"_id": message_id})
        assert stored
        begun = [{**b, "at": b["at"] - by} for b in stored.get("begun", [])]
        await database["messages"].update_one(
            {"_id": message_id}, {"$set": {"stored_at": stored["stored_at"] - by, "begun": begun}}
        )

    async def follow(self, message_id: str) -> float | None:
        """In how many seconds from now it is looked at again."""
        at = now()
        again = await self.following.follow({"_id": message_id})
        return (again - at).total_seconds() if again else None

    async def standing(self, message_id: str) -> list[tuple[str, str, str | None]]:
        found = await read_deliveries(self.scene.database, [message_id])
        return [(d["channel"], d["status"], (d["error"] or {}).get("code")) for d in found]

    async def timer(self, message_id: str) -> Document | None:
        return await self.scene.database["routes"].find_one({"_id": message_id})

    async def acknowledge(self) -> None:
        await self.scene.receipts().handle([receipt(self.scene.conversation, self.scene.bo, "DELIVERED", 1)])


@pytest.fixture
async def way(scene: Scene, kafka: tuple[str, str]) -> AsyncIterator[Way]:
    await schema.create_topics(*kafka, accounts=[TELEGRAM])
    await scene.takes_requests_for(*TELEGRAM)
    scene.addresses = {scene.bo: {"telegram": "42", "whatsapp": "16505551234"}}
    scene.accounts = {"telegram": ["main"]}
    routes, store, deliveries = Scheduler(scene.database, "routes"), Store(scene.database), scene.deliveries()
    yield Way(scene, routes, deliveries, Following(store, Outbox(scene.database), deliveries, scene.teller(), routes))
    await schema.delete_topics(*kafka, [TELEGRAM])


async def test_a_step_is_begun_when_its_time_has_come_and_one_that_fails_is_followed_at_once(way: Way) -> None:
    sent = await way.send(*ROUTE)
    assert await way.standing(sent) == []
    assert 30 < (await way.follow(sent) or 0) <= 60
    await way.later(sent, 61)
    assert await way.follow(sent)
    assert await way.standing(sent) == [
        ("telegram", "QUEUED", None),
        ("whatsapp", "FAILED", "channel_not_configured"),
    ]


async def test_a_timer_stands_from_the_beginning_until_the_route_has_ended(way: Way) -> None:
    sent = await way.send(*ROUTE)
    timer, stored = await way.timer(sent), await Store(way.scene.database).routed(sent)
    assert timer
    assert stored
    assert timer["due_at"] == stored["stored_at"] + timedelta(seconds=60)
    await way.acknowledge()
    claimed = await way.routes.claim()
    assert claimed is None
    assert await way.follow(sent) is None


async def test_who_acknowledges_in_time_is_never_reached_elsewhere(way: Way) -> None:
    sent = await way.send(*ROUTE)
    await way.acknowledge()
    await way.later(sent, 3600)
    assert await way.follow(sent) is None
    assert await way.standing(sent) == []


async def test_a_first_step_that_fails_makes_the_next_due_at_once(way: Way) -> None:
    sent = await way.send(ROUTE[1], ROUTE[2])
    timer = await way.timer(sent)
    assert timer
    assert timer["due_at"] <= now()
    await way.follow(sent)
    assert [channel for channel, *_ in await way.standing(sent)] == ["telegram", "whatsapp"]


async def test_a_late_receipt_calls_off_what_is_not_sent_and_its_sender_hears_of_it(way: Way) -> None:
    await way.scene.connect(way.scene.ana)
    sent = await way.send(ROUTE[0], ROUTE[2])
    await way.later(sent, 61)
    assert 0 < (await way.follow(sent) or 0) < 10
    await way.acknowledge()
    assert await way.follow(sent) is None
    assert await way.standing(sent) == [("telegram", "FAILED", "not_needed")]
    told = [json.loads(p.body) for p in await way.scene.feed(way.scene.ana) if p.kind == "status"]
    assert [(t["status"], t["message_status"], t["error"]["code"]) for t in told] == [
        ("FAILED", "DELIVERED", "not_needed")
    ]


async def test_what_is_under_way_is_not_called_off_but_not_tried_again(way: Way) -> None:
    sent = await way.send(ROUTE[0], ROUTE[2])
    await way.later(sent, 61)
    await way.follow(sent)
    outbox, key = Outbox(way.scene.database), f"{sent}:{way.scene.bo}:telegram"
    under_way = await outbox.begin((await outbox.find(key)) or {}, now() + timedelta(seconds=60))
    assert under_way
    await way.acknowledge()
    assert await way.follow(sent) is None
    assert await way.standing(sent) == [("telegram", "QUEUED", None)]
    await outbox.end_attempt(key, None, counted=True, uncertain=False)
    assert await outbox.begin((await outbox.find(key)) or {}, now() + timedelta(seconds=60)) is None


async def test_who_dies_between_the_beginning_of_a_step_and_its_delivery_is_followed(way: Way) -> None:
    sent = await way.send(ROUTE[0], ROUTE[2])
    await way.later(sent, 61)
    await Store(way.scene.database).begin_step(sent, 1, [way.scene.bo], now())
    await way.follow(sent)
    assert await way.standing(sent) == [("telegram", "QUEUED", None)]


async def test_two_who_follow_at_once_begin_a_step_once(way: Way) -> None:
    sent = await way.send(ROUTE[0], ROUTE[2])
    await way.later(sent, 61)
    for _ in range(2):
        await way.follow(sent)
        await Store(way.scene.database).begin_step(sent, 1, [way.scene.bo], now())
    stored = await Store(way.scene.database).routed(sent)
    assert stored
    assert [(b["recipient"], b["step"]) for b in stored["begun"]] == [(way.scene.bo, 1)]


async def test_a_step_goes_to_the_address_of_its_time(way: Way) -> None:
    sent = await way.send(ROUTE[0], ROUTE[2])
    way.scene.addresses = {}
    await way.later(sent, 61)
    await way.follow(sent)
    assert await way.standing(sent) == [("telegram", "FAILED", "no_address")]


async def test_while_addresses_are_not_known_a_route_waits_as_it_is(way: Way) -> None:
    way.scene.addresses = None
    sent = await way.send(ROUTE[2], ROUTE[0])
    assert await way.standing(sent) == []
    way.scene.addresses = {way.scene.bo: {"telegram": "42"}}
    await way.deliveries.open([sent])
    assert await way.standing(sent) == [("telegram", "QUEUED", None)]
    stored = await Store(way.scene.database).routed(sent)
    assert stored
    assert stored["channels"] == ["telegram", "internal"]


async def test_what_was_there_and_is_reported_to_have_failed_is_followed_after_all(way: Way) -> None:
    sent = await way.send(Step("telegram", "SENT", 60), ROUTE[0])
    key = f"{sent}:{way.scene.bo}:telegram"
    at = {"sent_at": now(), "external_ids": ["42/1"], "status": "SENT"}
    await way.scene.database["deliveries"].update_one({"_id": key}, {"$set": at})
    assert await way.follow(sent) is None
    event = InboundEvent(channel="telegram", account="main", address="42", provider_id="1", body=b"", at=rfc3339(now()))
    failed = Reported(provider_id="1", address="42", status="FAILED", external_ids=("42/1",))
    await way.scene.reporting().take([Told(event, failed)])
    timer = await way.timer(sent)
    assert timer
    assert timer["due_at"] <= now()
    await way.follow(sent)
    stored = await Store(way.scene.database).routed(sent)
    assert stored
    assert [(b["recipient"], b["step"]) for b in stored["begun"]] == [(way.scene.bo, 1)]


async def test_only_the_end_of_every_step_fails_the_message(way: Way) -> None:
    await way.scene.connect(way.scene.ana)
    way.scene.addresses = {}
    sent = await way.send(ROUTE[1], ROUTE[2])
    await way.follow(sent)
    told = [json.loads(p.body) for p in await way.scene.feed(way.scene.ana) if p.kind == "status"]
    assert [(t["channel"], t["message_status"]) for t in told] == [("whatsapp", "SENT"), ("telegram", "FAILED")]
