"""The role that keeps who has and has read what."""

from libs.common.conversations import Members
from libs.common.events import RECEIPT_EVENTS
from libs.common.feed import FeedWriter
from services.router.handlers import Receipts
from services.router.store import Store
from services.router.wiring.parts import Parts, Work

GROUP = "router-receipts"


def receipts(parts: Parts, work: Work) -> None:
    database = parts.database
    handler = Receipts(Store(database), Members(database), FeedWriter(parts.cache), parts.producer, parts.heights)
    work.consumers[GROUP] = parts.consumer(GROUP, RECEIPT_EVENTS, handler)
