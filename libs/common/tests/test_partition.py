"""Keys go where Kafka's own partitioner puts them."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from libs.common.kafka.producer import partition_of


@given(st.binary(), st.integers(1, 50))
def test_a_key_goes_where_the_default_puts_it(key: bytes, count: int) -> None:
    partitions = list(range(count))
    assert partition_of(key, partitions, partitions) == DefaultPartitioner()(key, partitions, partitions)
