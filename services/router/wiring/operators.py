"""The role that shows operators what stands in DLQs and how accounts fare, and settles what they decide."""

from fastapi import FastAPI

from libs.common import kafka
from libs.common.auth import TokenVerifier
from libs.common.events import WITH_DEAD_LETTERS, channel_topic, dead_letters_of
from libs.common.revocations import Revocations
from services.router.operators.channels import Board, Registrations
from services.router.operators.contact_routes import contact_routes
from services.router.operators.contacts import ContactDesk
from services.router.operators.handlers import Audit, DeadLetters, reading
from services.router.operators.keeping import Keeping
from services.router.operators.page import Door, page_routes
from services.router.operators.routes import operator_routes
from services.router.operators.store import AuditLog, Letters
from services.router.people import Everybody
from services.router.waiting import Waiting
from services.router.wiring.parts import Parts, Work

LETTERS = "router-letters"


def operators(parts: Parts, work: Work) -> None:
    verifier = TokenVerifier(f"{parts.settings.auth_url}/.well-known/jwks.json", parts.web)
    letters = Letters(parts.database)
    work.consumers[LETTERS] = _keeper(parts, letters)
    work.beside |= {
        "tokens": verifier.run,
        "revocations": Revocations(parts.registry, verifier).run,
        "addresses": parts.directory.run,
    }
    desk, door = _desk(parts, letters), Door(parts.settings.auth_url, parts.web)
    contacts = ContactDesk(Everybody(parts.database), parts.directory.user_of, desk.audit)
    operated(work.app, desk, _board(parts), contacts, door, verifier)


def operated(
    app: FastAPI, letters: DeadLetters, board: Board, contacts: ContactDesk, door: Door, verifier: TokenVerifier
) -> FastAPI:
    """The same, with what operators ask."""
    app.state.verifier = verifier
    app.include_router(operator_routes(letters, letters.audit, board))
    app.include_router(contact_routes(contacts))
    app.include_router(page_routes(door))
    return app


def _keeper(parts: Parts, letters: Letters) -> kafka.LaneConsumer:
    """Copies what the DLQs hold to where operators see it."""
    topics, prefix = [dead_letters_of(topic) for topic in _topics(parts)], parts.settings.topic_prefix
    return kafka.LaneConsumer(parts.settings.kafka, LETTERS, topics, Keeping(letters), topic_prefix=prefix)


def _desk(parts: Parts, letters: Letters) -> DeadLetters:
    """Where operators settle letters; they are replayed to what this platform has consumers for."""
    audit, connectors = Audit(AuditLog(parts.database)), parts.connectors
    return DeadLetters(letters, audit, parts.producer, reading(connectors), {*_topics(parts)})


def _board(parts: Parts) -> Board:
    settings, known = parts.settings, Registrations(parts.settings.webhooks_url, parts.web)
    on, backlog = [*parts.connectors], Waiting(parts.database).backlog
    return Board(parts.cache, settings.topic_prefix, parts.database, on, parts.accounts.off, known, backlog)


def _topics(parts: Parts) -> list[str]:
    """Of which there are dead letters here."""
    return [*WITH_DEAD_LETTERS, *(channel_topic(*account) for account in parts.connectors)]
