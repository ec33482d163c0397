"""What stands in Kafka's topics, from the heads of the record batches in the broker's own files."""

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

HEAD = struct.Struct(">qiibihiqqqhii")
"""https://kafka.apache.org/documentation/#recordbatch: from the base offset to the number of records."""

PREFIX = 12  # bytes of a batch that its length does not count


class Held(NamedTuple):
    """`batches` is how often something was published: what went together is one."""

    batches: int = 0
    records: int = 0
    bytes: int = 0


def held(folder: Path) -> dict[str, Held]:
    """Topic → what all of its partitions hold. The broker may be running: it writes whole batches, at the end."""
    found: dict[str, Counter[str]] = {}
    for partition in folder.glob("*-*"):
        topic = found.setdefault(partition.name.rpartition("-")[0], Counter())
        for segment in partition.glob("*.log"):
            with segment.open("rb") as file:
                topic.update(_sum(file))
    return {name: Held(**counts) for name, counts in found.items()}


def _sum(file: BinaryIO) -> dict[str, int]:
    heads = list(_heads(file))
    return {
        "batches": len(heads),
        "records": sum(records for _, records in heads),
        "bytes": sum(length for length, _ in heads),
    }


def _heads(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """(bytes, records) of each batch; space that is reserved for later ones ends the file."""
    while len(head := file.read(HEAD.size)) == HEAD.size:
        _, length, *_, records = HEAD.unpack(head)
        if length <= 0:
            return
        yield PREFIX + length, records
        file.seek(PREFIX + length - HEAD.size, 1)
