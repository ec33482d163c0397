"""The role that carries deliveries to platforms: from Kafka, and from where they are parked."""

from collections.abc import Sequence
from datetime import timedelta

from connectors.catalogue import Configured
from libs.common import kafka
from libs.common.buckets import Buckets
from libs.common.events import NOTICE_EVENTS, channel_topic
from libs.common.scheduler import Scheduler
from services.router.contacts import Contacts
from services.router.handlers import Courier, Leftovers, Line, Notices
from services.router.operators.channels import Reporter
from services.router.outbox import Outbox
from services.router.people import Everybody
from services.router.standing import Standing
from services.router.store import Store
from services.router.wiring.parts import Parts, Work

NOTICES = "router-notices"
CARRYING = "router-channels"
PARKED_AT_ONCE = 200  # lanes


def channels(parts: Parts, work: Work) -> None:
    contacts = Contacts(parts.database)
    notices = Notices(Store(parts.database), contacts, parts.producer, parts.account_names)
    work.consumers[NOTICES] = parts.consumer(NOTICES, NOTICE_EVENTS, notices)
    lines = [_line_of(account, parts) for account in parts.accounts.on]
    courier = _courier(parts, work, lines, contacts)
    if lines:
        _carry(parts, work, lines, courier)


def _courier(parts: Parts, work: Work, lines: Sequence[Line], contacts: Contacts) -> Courier:
    """With the work on what it has set aside, also of accounts that are there no more."""
    database, by_account = parts.database, {(line.channel, line.account): line for line in lines}
    parked, lives = Scheduler(database, "lanes"), timedelta(hours=parts.settings.delivery_lives_h)
    known = (parts.producer, parts.objects, contacts, parts.reporting, Everybody(database))
    courier = Courier(by_account, Outbox(database), parked, parts.teller, *known, lives)
    work.beside |= {
        "parked": lambda: parked.run(courier.run_parked, PARKED_AT_ONCE),
        "leftovers": Leftovers(Outbox(database), courier, by_account, lives).run,
    }
    return courier


def _carry(parts: Parts, work: Work, lines: Sequence[Line], courier: Courier) -> None:
    settings, topics = parts.settings, [channel_topic(line.channel, line.account) for line in lines]
    carrying = kafka.LaneConsumer(
        settings.kafka, CARRYING, topics, courier, topic_prefix=settings.topic_prefix, is_open=courier.is_open
    )
    work.consumers[CARRYING] = carrying
    work.beside["standing"] = _reporter(parts, lines, carrying).run


def _reporter(parts: Parts, lines: Sequence[Line], carrying: kafka.LaneConsumer) -> Reporter:
    """Says how the accounts fare that this process serves."""

    def standings() -> list[Standing]:
        held = [carrying.lanes_of(channel_topic(line.channel, line.account)) for line in lines]
        return [line.standing(*counts) for line, counts in zip(lines, held, strict=True)]

    return Reporter(parts.cache, parts.settings.topic_prefix, standings)


def _line_of(account: Configured, parts: Parts) -> Line:
    connector, call_s = parts.connectors[account.channel, account.account], account.settings.timeout_s
    line = Line(account.channel, account.account, connector, account.capabilities, call_s, Buckets(parts.cache))
    line.show()
    return line
