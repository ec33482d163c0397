"""The role that stores messages, and opens their deliveries on other channels."""

from libs.common import configured
from libs.common.conversations import Members
from libs.common.events import MESSAGE_EVENTS, STORING
from libs.common.feed import FeedWriter
from services.router.contacts import Contacts
from services.router.handlers import Deliveries, Following, Messages
from services.router.outbox import Outbox
from services.router.store import Store
from services.router.wiring.parts import Parts, Work


def messages(parts: Parts, work: Work) -> None:
    database, producer, directory = parts.database, parts.producer, parts.directory
    store, contacts, accounts = Store(database), Contacts(database), parts.account_names
    deliveries = Deliveries(store, directory.addresses, parts.teller, producer, parts.routes, contacts, accounts)
    following = Following(store, Outbox(database), deliveries, parts.teller, parts.routes)
    handler = Messages(store, Members(database), FeedWriter(parts.cache), producer, parts.heights, deliveries)
    work.consumers[STORING] = parts.consumer(STORING, MESSAGE_EVENTS, handler)
    work.checks["addresses"] = directory.check
    work.beside |= {
        "addresses": directory.run,
        "deliveries": deliveries.run,
        "routes": following.run,
        "configured": lambda: configured.tell(parts.registry, accounts, parts.for_people),
    }
