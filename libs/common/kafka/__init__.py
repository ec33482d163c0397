"""Kafka, both ways: a producer that promises, and a consumer that loses nothing."""

from libs.common.bus import Outgoing
from libs.common.kafka.consumer import Consumer
from libs.common.kafka.producer import WINDOW_S, Producer, connect
from libs.common.kafka.progress import GroupProgress, follow

__all__ = ["WINDOW_S", "Consumer", "GroupProgress", "Outgoing", "Producer", "connect", "follow"]
