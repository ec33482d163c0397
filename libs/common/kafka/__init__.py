"""Kafka, both ways: a producer that promises, and a consumer that loses nothing."""

from libs.common.bus import Outgoing
from libs.common.kafka.connections import know_uvloop
from libs.common.kafka.consumer import Consumer, letter_of
from libs.common.kafka.lanes import LaneConsumer
from libs.common.kafka.producer import WINDOW_S, Producer, connect
from libs.common.kafka.progress import GroupProgress, follow

__all__ = [
    "WINDOW_S",
    "Consumer",
    "GroupProgress",
    "LaneConsumer",
    "Outgoing",
    "Producer",
    "connect",
    "follow",
    "letter_of",
]

know_uvloop()
