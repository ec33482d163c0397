"""Kafka, both ways: a producer that promises, and a consumer that loses nothing."""

from libs.common.bus import Outgoing
from libs.common.kafka.consumer import Consumer
from libs.common.kafka.producer import Producer, connect

__all__ = ["Consumer", "Outgoing", "Producer", "connect"]
