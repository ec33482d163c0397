"""What can never be handled goes to the DLQ as it came, and nothing else does."""

from collections.abc import Callable, Sequence

import pytest
from aiokafka import AIOKafkaProducer

from libs.common.bus import Record, Rejected
from libs.common.errors import Reject
from libs.common.events import MESSAGE_EVENTS
from libs.common.kafka import Outgoing, Producer
from libs.common.tests.broker import Broker, Collector, consuming, dead_letters, numbered, publish, waits_for


def refuses(is_bad: Callable[[Record], bool], failure: Exception) -> Callable[[Sequence[Record]], None]:
    """A batch with a bad record fails as a whole, as an insert does."""

    def fails(batch: Sequence[Record]) -> None:
        if any(is_bad(record) for record in batch):
            raise failure

    return fails


def is_poison(record: Record) -> bool:
    return record.value.startswith(b"poison")


@pytest.mark.parametrize("failure", [Reject("poison"), ValueError("a bug")])
async def test_a_record_that_fails_alone_is_dead_lettered_and_the_rest_goes_on(
    kafka: Broker, producer: Producer, failure: Exception
) -> None:
    handler = Collector(refuses(is_poison, failure))
    await publish(producer, *numbered(10), b"poison", *numbered(10, "after"))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(10), *numbered(10, "after"))
        headers = dict((await dead_letters(kafka))[0].headers)
    assert headers["dlq_reason"] == (b"poison" if isinstance(failure, Reject) else b"handler_failed")
    assert headers["dlq_origin"].startswith(b"message.events/")
    assert headers["dlq_attempts"] == b"1"
    assert headers["dlq_first_at"] == headers["dlq_last_at"]


async def test_a_dead_letter_is_the_record_as_it_came(kafka: Broker, producer: Producer) -> None:
    await producer.publish(MESSAGE_EVENTS, "a key", b"poison \xff", [("traceparent", b"00-1-2-01")])
    async with consuming(kafka, producer, Collector(refuses(is_poison, Reject("bad")))):
        (letter,) = await dead_letters(kafka)
    assert (letter.key, letter.value) == (b"a key", b"poison \xff")
    assert dict(letter.headers)["traceparent"] == b"00-1-2-01"


async def test_a_replayed_record_that_fails_again_stands_where_it_stood_first(
    kafka: Broker, producer: Producer
) -> None:
    before = {"dlq_origin": b"message.events/3/7", "dlq_attempts": b"2", "dlq_first_at": b"2020-11-21T10:15:30.123Z"}
    await producer.publish(MESSAGE_EVENTS, "a key", b"poison", list(before.items()))
    async with consuming(kafka, producer, Collector(refuses(is_poison, Reject("bad")))):
        headers = dict((await dead_letters(kafka))[0].headers)
    assert {k: headers[k] for k in before} == before | {"dlq_attempts": b"3"}
    assert headers["dlq_last_at"] > headers["dlq_first_at"]


@pytest.mark.parametrize(
    "header", [("dlq_origin", b"\xff"), ("dlq_attempts", b"many"), ("dlq_attempts", b"\xff"), ("dlq_first_at", b"")]
)
async def test_rubbish_in_the_headers_stops_nobody(
    kafka: Broker, producer: Producer, header: tuple[str, bytes]
) -> None:
    handler = Collector(refuses(is_poison, Reject("bad")))
    await producer.publish(MESSAGE_EVENTS, "a key", b"poison", [header])
    await publish(producer, *numbered(5))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(5))
        (letter,) = await dead_letters(kafka)
    assert letter.value == b"poison"


async def test_a_record_without_key_value_and_header_values_is_dead_lettered_too(
    kafka: Broker, producer: Producer
) -> None:
    handler = Collector(refuses(lambda record: not record.value, Reject("malformed")))
    async with AIOKafkaProducer(bootstrap_servers=kafka[0]) as foreign:
        await foreign.send_and_wait(kafka[1] + MESSAGE_EVENTS, None, b"", headers=[("dlq_origin", None)])
    await publish(producer, *numbered(5))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(5))
        (letter,) = await dead_letters(kafka)
    assert dict(letter.headers)["dlq_reason"] == b"malformed"


async def test_when_most_records_fail_the_topic_is_not_emptied(kafka: Broker, producer: Producer) -> None:
    await publish(producer, *numbered(120, "poison"))
    handler = Collector(refuses(is_poison, Reject("everything_fails")))
    async with consuming(kafka, producer, handler) as consumer:
        await waits_for(consumer, "an operator: most records of message.events fail (everything_fails)")


async def test_a_large_batch_in_which_few_fail_is_not_the_end(kafka: Broker, producer: Producer) -> None:
    """More than the ceiling of 50, but far from most."""
    bad = numbered(60, "poison")
    await producer.publish_all([Outgoing(MESSAGE_EVENTS, "one", v, []) for v in [*bad, *numbered(400)]])
    handler = Collector(refuses(is_poison, Reject("bad")))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(400))
        assert [letter.value for letter in await dead_letters(kafka, 60)] == bad


async def test_what_clients_bring_about_never_stops_a_topic(kafka: Broker, producer: Producer) -> None:
    class Strict(Collector):
        async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            await super().handle(batch)
            return [Rejected(record, "conflict", is_clients_doing=True) for record in batch]

    handler = Strict()
    await publish(producer, *numbered(300))
    async with consuming(kafka, producer, handler):
        assert len(await dead_letters(kafka, 300)) == 300


async def test_a_record_as_long_as_the_topic_takes_fits_into_its_dlq(kafka: Broker, producer: Producer) -> None:
    longest = b"poison" + b"x" * 1_048_400
    handler = Collector(refuses(is_poison, Reject("bad")))
    async with AIOKafkaProducer(bootstrap_servers=kafka[0], max_request_size=2**21) as foreign:
        await foreign.send_and_wait(kafka[1] + MESSAGE_EVENTS, longest, b"")
    await publish(producer, *numbered(5))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(5))
        (letter,) = await dead_letters(kafka)
    assert letter.value == longest
