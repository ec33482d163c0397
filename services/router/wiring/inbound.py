"""The role that makes messages and changes of what platforms tell."""

from datetime import timedelta
from uuid import UUID

from libs.common.conversations import Members
from libs.common.events import INBOUND_EVENTS
from libs.common.feed import FeedWriter
from libs.common.installation import derived
from libs.common.scheduler import Scheduler
from services.router.arrivals import Arrivals
from services.router.changes import Changes
from services.router.contacts import Contacts
from services.router.handlers import (
    MOST_BYTES,
    Answering,
    Attaching,
    Backlogs,
    Changing,
    Inbound,
    Knowing,
    Placing,
    Postponed,
    Taking,
)
from services.router.inbound import MessageIds
from services.router.keeping import FileKeeper
from services.router.people import Everybody
from services.router.waiting import LANES, Waiting
from services.router.wiring.parts import Parts, Work

GROUP = "router-inbound"
WAITING_AT_ONCE = 200  # addresses
LEASE = timedelta(seconds=10)  # of what a killed router leaves undone


def inbound(parts: Parts, work: Work) -> None:
    lanes = Scheduler(parts.database, LANES, LEASE)
    taking, changing = _told(parts)
    waiting = Waiting(parts.database)
    postponed = Postponed(taking, changing, parts.connectors, waiting, lanes, parts.producer)
    answering, contacts = Answering(parts.connectors), Contacts(parts.database)
    told = (parts.connectors, taking.placing.knowing, contacts, parts.reporting)
    handler = Inbound(taking, changing, postponed, answering, *told)
    work.consumers[GROUP] = parts.consumer(GROUP, INBOUND_EVENTS, handler)
    work.checks["addresses"] = parts.directory.check
    work.beside |= {
        "addresses": parts.directory.run,
        "waiting": lambda: lanes.run(postponed.run_lane, WAITING_AT_ONCE),
        "backlogs": Backlogs(waiting, parts.connectors.keys()).run,
        "answering": answering.run,
    }


def _told(parts: Parts) -> tuple[Taking, Changing]:
    database, directory, settings = parts.database, parts.directory, parts.settings
    ids = MessageIds(UUID(bytes=derived(settings.installation_secret, "inbound messages")[:16]))
    arrivals, members = Arrivals(database), Members(database)
    knowing = Knowing(Everybody(database), directory.user_of)
    placing = Placing(ids, arrivals, members, knowing, settings.inbox_user, directory.is_user)
    feed, contacts = FeedWriter(parts.cache), Contacts(database)
    changing = Changing(ids, Changes(database), arrivals, members, knowing, feed, contacts)
    return Taking(placing, _attaching(parts), parts.producer), changing


def _attaching(parts: Parts) -> Attaching:
    token = derived(parts.settings.installation_secret, "internal calls").hex()
    keeper = FileKeeper(parts.web, parts.settings.files_internal_url, token)
    limits = {
        (a.channel, a.account): min(a.capabilities.files.download or MOST_BYTES, MOST_BYTES) for a in parts.accounts.on
    }
    return Attaching(parts.connectors, limits, keeper)
