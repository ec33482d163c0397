"""The use cases: open, show, list and read conversations; show messages and what became of them."""

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec

from libs.common.accept import Acceptor, known_id
from libs.common.bus import Progress
from libs.common.clock import new_id, now, rfc3339
from libs.common.conversations import Members
from libs.common.deliveries import External, status_of
from libs.common.errors import Problem, each_wrong, not_found
from libs.common.marks import Marks, Member
from libs.common.messages import Message, from_document
from libs.common.mongo import Document
from libs.common.shapes import Someone, Time, Uuid, shown
from services.frontend.domain import (
    ConversationRequest,
    Position,
    check_title,
    choose_members,
    count_from,
    from_cursor,
    pair_key,
    to_cursor,
)
from services.frontend.reaching import Reaching, WindowView
from services.frontend.report import StatusReport, StoredMessage, report_status

if TYPE_CHECKING:
    from services.frontend.store import ConversationStore, MessageStore, UserDirectory

STATUS_WAIT_S = 2.0
MAX_WAITERS = 200  # each asks MongoDB about ten times in its two seconds


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """The contract's `conversation`."""

    conversation_id: Uuid
    type: Annotated[str, shown(enum=["private", "group"])]
    title: str | None
    members: Sequence[Someone]
    created_by: str
    created_at: Time
    last_sequence: Annotated[int, shown(minimum=0)]
    unread_count: Annotated[int, shown(minimum=0, maximum=999)]
    last_message: Message | None
    windows: (
        Annotated[
            list[WindowView],
            shown("Where it is asked for alone: of the others, on channels that close. Null while that is not known."),
        ]
        | msgspec.UnsetType
        | None
    ) = msgspec.UNSET


class ConversationPage(msgspec.Struct, frozen=True):
    items: list[Conversation]
    next_cursor: str | None


class MessagesAscending(msgspec.Struct, frozen=True):
    items: list[Message]
    next_since: int


class MessagesDescending(msgspec.Struct, frozen=True):
    items: list[Message]
    next_before: int | None


@dataclass(frozen=True)
class Conversations:
    conversations: "ConversationStore"
    messages: "MessageStore"
    users: "UserDirectory"
    reaching: Reaching

    async def open_conversation(self, caller: str, asked: ConversationRequest) -> tuple[Conversation, bool]:
        """The conversation, and True where it is new: twice for the same pair gives the same, a group is always new."""
        members = choose_members(caller, asked)
        check_title(asked.title)
        await self._require_users({*members} - {caller}, asked.members)
        at = now()
        document = {
            "_id": new_id(),
            "type": asked.type,
            "title": asked.title,
            "members": members,
            **({"pair": pair_key(members)} if asked.type == "private" else {}),
            "created_by": caller,
            "created_at": at,
            "last_activity": at,
            "last_sequence": 0,
        }
        standing, is_new = await self.conversations.add(document)
        return (await self._views(caller, [standing]))[0], is_new

    async def show_conversation(self, caller: str, conversation_id: str) -> Conversation:
        document = await self.conversations.find(known_id(conversation_id, "conversation"), caller)
        if document is None:
            raise not_found("conversation")
        (view,) = await self._views(caller, [document])
        windows = await self.reaching.windows([name for name in document["members"] if name != caller])
        return msgspec.structs.replace(view, windows=windows)

    async def list_conversations(self, caller: str, limit: int, cursor: str | None) -> ConversationPage:
        after = from_cursor(cursor) if cursor is not None else None
        documents = await self.conversations.page(caller, limit + 1, after)
        page = documents[:limit]
        last = page[-1] if len(documents) > limit else None
        return ConversationPage(
            await self._views(caller, page),
            to_cursor(Position(last["last_activity"], last["_id"])) if last else None,
        )

    async def _require_users(self, others: Collection[str], asked: Sequence[str]) -> None:
        """Raises `Problem` 422, pointing at each name that has no account, once."""
        if missing := await self.users.missing(others):
            errors = each_wrong(missing, asked, "/members", "has no account here")
            raise Problem(422, "unknown_member", "members: not everybody named has an account here", errors=errors)

    async def _views(self, caller: str, documents: Sequence[Document]) -> list[Conversation]:
        latest = await self.messages.latest([d["_id"] for d in documents])
        marks = await self.messages.marks(_members_of(caller, latest))
        last = {c: message["sequence_number"] for c, message in latest.items()}
        read_up_to = {c: count_from(marks[c, caller].read, n) for c, n in last.items() if n > marks[c, caller].read}
        unread = await self.messages.count_unread(caller, read_up_to)
        external = await self.messages.external(list(latest.values()))
        return [_view(d, latest.get(d["_id"]), unread.get(d["_id"], 0), marks, external) for d in documents]


def _members_of(caller: str, latest: Mapping[str, Document]) -> set[Member]:
    return {(c, name) for c, message in latest.items() for name in (caller, *message["to"])}


def _view(
    document: Document, last: Document | None, unread_count: int, marks: Mapping[Member, Marks], external: External
) -> Conversation:
    return Conversation(
        conversation_id=document["_id"],
        type=document["type"],
        title=document["title"],
        members=document["members"],
        created_by=document["created_by"],
        created_at=rfc3339(document["created_at"]),
        last_sequence=last["sequence_number"] if last else 0,
        unread_count=unread_count,
        last_message=from_document(last, status_of(last, marks, external)) if last else None,
    )


@dataclass
class Messages:
    """`acceptor` knows which messages of this process are on their way, `progress` whether the router is behind."""

    messages: "MessageStore"
    members: Members
    acceptor: Acceptor
    progress: Progress
    max_waiters: int = MAX_WAITERS
    wait_s: float = STATUS_WAIT_S
    _waiting: int = 0

    async def list_ascending(
        self, caller: str, conversation_id: str, since: int, before: int | None, limit: int
    ) -> MessagesAscending:
        items = await self._page(caller, conversation_id, since, before, limit, newest_first=False)
        return MessagesAscending(items, items[-1].sequence_number if items else since)

    async def list_descending(
        self, caller: str, conversation_id: str, since: int, before: int | None, limit: int
    ) -> MessagesDescending:
        items = await self._page(caller, conversation_id, since, before, limit, newest_first=True)
        return MessagesDescending(items, items[-1].sequence_number if items else before)

    async def show_message(self, caller: str, message_id: str) -> Message:
        """Waits a little for what the caller has just sent by this process. Raises `Problem` 404."""
        known = known_id(message_id, "message")
        document = await self._find(caller, known)
        if document is None and self.acceptor.accepted_recently(caller, known):
            with suppress(Problem):
                document = await self._find_soon(caller, known)
        if document is None:
            raise not_found("message")
        return (await self._with_statuses([document]))[0]

    async def show_status(self, caller: str, message_id: str) -> StatusReport:
        """Waits a little for the router. Raises `Problem` 404, or 503 where the message may still come."""
        document = await self._find_soon(caller, known_id(message_id, "message"))
        message = StoredMessage.of(document)
        times = await self.messages.times(message.conversation_id, message.to, message.sequence_number)
        deliveries = await self.messages.deliveries(document)
        return report_status(message, times, deliveries)

    async def _page(
        self, caller: str, conversation_id: str, since: int, before: int | None, limit: int, *, newest_first: bool
    ) -> list[Message]:
        conversation_id = known_id(conversation_id, "conversation")
        await self.acceptor.membership(caller, conversation_id)
        found = await self.messages.page(conversation_id, since, before, limit, newest_first=newest_first)
        return await self._with_statuses(found)

    async def _with_statuses(self, documents: Sequence[Document]) -> list[Message]:
        """Marks and deliveries are read after the messages, so that none looks older than it is."""
        marks = await self.messages.marks({(d["conversation_id"], name) for d in documents for name in d["to"]})
        external = await self.messages.external(documents)
        return [from_document(d, status_of(d, marks, external)) for d in documents]

    async def _find(self, caller: str, message_id: str) -> Document | None:
        """None also for what is not the caller's, so that both take the same way."""
        document = await self.messages.find(message_id)
        if document is None or caller not in await self.members.of(document["conversation_id"]):
            return None
        return document

    async def _find_soon(self, caller: str, message_id: str) -> Document:
        document = await self._find(caller, message_id)
        if document is not None and not _is_fresh(document):
            return document
        if self._waiting >= self.max_waiters:
            if document is not None:
                return document
            raise _not_yet("Too many are waiting for their messages' status; ask again in a moment.")
        self._waiting += 1
        try:
            return await self._wait_for(caller, message_id, document)
        finally:
            self._waiting -= 1

    async def _wait_for(self, caller: str, message_id: str, document: Document | None) -> Document:
        """Another process may have accepted it: it is not there when all is handled that was published until now."""
        is_coming = self.acceptor.accepted_recently(caller, message_id)
        published = {} if is_coming or document else await self.progress.ends()
        for pause_s in _pauses(self.wait_s):
            await asyncio.sleep(pause_s)
            document = await self._find(caller, message_id)
            if document is not None and not _is_fresh(document):
                return document
        if document is None and not is_coming:
            is_coming = not await self.progress.has_passed(published)
            document = await self._find(caller, message_id)
        if document is not None:
            return document
        if is_coming:
            raise _not_yet("Messages that were accepted are not all stored yet; ask again in a moment.")
        raise not_found("message")


def _is_fresh(document: Document) -> bool:
    """Its external deliveries come any moment; those that do not come soon are shown as they are, QUEUED."""
    return bool(document.get("opening")) and now() - document["stored_at"] < timedelta(seconds=STATUS_WAIT_S)


def _not_yet(detail: str) -> Problem:
    return Problem(503, "status_not_ready", detail, retry_after_s=1)


def _pauses(total_s: float) -> Iterator[float]:
    """10, 20, 40, … at most 250 ms, until the time is over."""
    end, pause_s = time.monotonic() + total_s, 0.01
    while (left_s := end - time.monotonic()) > 0:
        yield min(pause_s, left_s)
        pause_s = min(pause_s * 2, 0.25)
