"""What a page shows of messages on several channels: one query, none where there is nothing to ask for."""

from collections.abc import Sequence

import pytest

from libs.common import mongo
from libs.common.deliveries import delivery_id, read_deliveries, read_external, status_of
from libs.common.events import DeliveryStatus
from libs.common.marks import Marks
from libs.common.mongo import Database, Document


def message(message_id: str, *channels: str, to: Sequence[str] = ("bo",)) -> Document:
    return {"_id": message_id, "conversation_id": "c", "sequence_number": 3, "to": to, "channels": list(channels)}


def delivery(message_id: str, recipient: str, channel: str, status: DeliveryStatus) -> Document:
    id_ = delivery_id(message_id, recipient, channel)
    return {"_id": id_, "message_id": message_id, "recipient": recipient, "channel": channel, "status": status}


async def test_each_message_gets_its_own_deliveries(database: Database) -> None:
    ids = [f"m{n}" for n in range(250)]
    standing = [delivery(m, who, "whatsapp", "FAILED") for m in ids for who in ("bo", "cy")]
    await database["deliveries"].insert_many(standing)
    pages = [message(m, "whatsapp") for m in ids[1:]] + [message("none", "whatsapp"), message("m0", "internal")]
    found = await read_external(database, pages)
    assert found == {m: {"bo": ["FAILED"], "cy": ["FAILED"]} for m in ids[1:]}
    assert [d["recipient"] for d in await read_deliveries(database, ["m1"])] == ["bo", "cy"]


async def test_internal_messages_cost_no_query() -> None:
    async with mongo.connect("mongodb://127.0.0.1:1/", "nothing") as nobody:
        assert await read_external(nobody, [message("m", "internal")]) == {}
        assert await read_external(nobody, []) == {}


@pytest.mark.parametrize(
    ("channels", "external", "read", "status"),
    [
        (["internal", "whatsapp"], ["FAILED"], 0, "SENT"),
        (["internal", "whatsapp"], ["FAILED"], 3, "READ"),
        (["internal", "whatsapp"], ["DELIVERED"], 0, "DELIVERED"),
        (["whatsapp"], ["FAILED"], 3, "FAILED"),
        (["whatsapp"], [], 3, "SENT"),
        (["whatsapp", "telegram"], ["FAILED"], 3, "SENT"),
        (["whatsapp", "telegram"], ["FAILED", "FAILED"], 3, "FAILED"),
        (["whatsapp", "telegram"], ["FAILED", "SENT"], 3, "SENT"),
        (["internal"], [], 3, "READ"),
    ],
)
def test_a_recipient_has_it_on_any_channel_and_fails_on_all(
    channels: list[str], external: list[DeliveryStatus], read: int, status: str
) -> None:
    marks = {("c", "bo"): Marks(read, read)}
    assert status_of(message("m", *channels), marks, {"m": {"bo": external}}) == status


def test_a_message_fails_with_one_recipient_and_is_delivered_with_the_last() -> None:
    to_both = message("m", "whatsapp", to=["bo", "cy"])
    assert status_of(to_both, {}, {"m": {"bo": ["READ"], "cy": ["FAILED"]}}) == "FAILED"
    assert status_of(to_both, {}, {"m": {"bo": ["READ"], "cy": ["DELIVERED"]}}) == "DELIVERED"
