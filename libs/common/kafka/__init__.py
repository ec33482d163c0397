"""Kafka, both ways: a producer that promises, and a consumer that loses nothing."""

from libs.common.kafka.consumer import Consumer
from libs.common.kafka.producer import Outgoing, Producer, connect

__all__ = ["Consumer", "Outgoing", "Producer", "connect"]
