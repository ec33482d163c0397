"""From messages that may be said to their events: the files that they bring are looked up once, for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.common.accept.body import FileReference
from libs.common.accept.draft import Accepted, Addressed, to_event
from libs.common.accept.recent import RecentIds
from libs.common.errors import FieldError, Problem, Retry, invalid
from libs.common.events import MessageEvent, SentFile
from libs.common.files import Files, attached
from libs.common.mongo import Document

Composed = MessageEvent | Accepted | Problem | Retry
"""`Accepted`: it was before, so that it needs no second event."""
Brought = SentFile | Problem | Retry | None
"""What came of a file's look-up; None: its message was accepted before."""
Key = tuple[str, str]
"""(message_id, fingerprint): the same message, said again."""


@dataclass(frozen=True)
class Composer:
    files: Files
    recent: RecentIds

    async def compose(self, messages: Sequence[Addressed | Problem | Retry], at: str) -> list[Composed]:
        """Of one sender, in the order given. Where none brings a file, nothing is asked and nothing waits."""
        bringing = [m for m in messages if isinstance(m, Addressed) and isinstance(m.said.payload, FileReference)]
        brought = await self._look_up(bringing) if bringing else {}
        return [_composed(m, brought, at) if isinstance(m, Addressed) else m for m in messages]

    async def _look_up(self, messages: Sequence[Addressed]) -> dict[Key, Brought]:
        """What was accepted before stays so, also when its file is gone or MongoDB is away."""
        new = {_key(m): m.said.payload for m in messages if not self.recent.is_repeat(*_key(m))}
        wanted = {key: said for key, said in new.items() if isinstance(said, FileReference)}
        try:
            answers = await self._files(messages[0].said.sender, wanted)
        except Retry as reason:
            answers = dict.fromkeys(wanted, reason)
        return {_key(m): answers.get(_key(m)) for m in messages}

    async def _files(self, sender: str, wanted: Mapping[Key, FileReference]) -> dict[Key, Brought]:
        if not wanted:
            return {}
        found = await self.files.visible_to(sender, {said.file_id for said in wanted.values()})
        answers = {key: _brought(said, found.get(said.file_id)) for key, said in wanted.items()}
        if refused := dict(key for key, answer in answers.items() if isinstance(answer, Problem)):
            stored = await self.files.are_stored(refused)
            answers |= {(message_id, refused[message_id]): None for message_id in stored}
        return answers


def _key(message: Addressed) -> Key:
    return message.said.message_id, message.fingerprint


def _brought(said: FileReference, document: Document | None) -> Brought:
    if document is None:
        detail = "There is no such file, or it is not yours."
        return Problem(404, "not_found", detail, errors=[FieldError("/payload/file_id", detail)])
    if (status := document["status"]) != "completed":
        return invalid("/payload/file_id", f"This file is {status}, not completed.", "file_not_completed")
    return SentFile(file_id=said.file_id, caption=said.caption, file=attached(document))


def _composed(message: Addressed, brought: Mapping[Key, Brought], at: str) -> Composed:
    said = message.said
    payload = brought[_key(message)] if isinstance(said.payload, FileReference) else said.payload
    if payload is None:
        return Accepted(said.message_id, said.conversation_id, at)
    return payload if isinstance(payload, Problem | Retry) else to_event(message, payload, at)
