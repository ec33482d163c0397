"""When a conversation's last number and time are written: at once where it was quiet, else with the checkpoint."""

from collections.abc import Collection, Iterable
from datetime import datetime

from libs.common.conversations import record_activity
from libs.common.mongo import Database
from services.router.domain import Numbered


class Activity:
    """Each conversation is written at most once between two checkpoints, beside the checkpoint itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, tuple[int, datetime]] = {}
        self._written: set[str] = set()

    async def note(self, stored: Iterable[Numbered]) -> None:
        """Raises `Unavailable`; what is noted then waits for the checkpoint."""
        quiet = set()
        for one in stored:
            event = one.incoming.event
            known = self._waiting.get(event.conversation_id)
            if known is None or known[0] < one.sequence_number:
                self._waiting[event.conversation_id] = (one.sequence_number, datetime.fromisoformat(event.accepted_at))
            if event.conversation_id not in self._written:
                quiet.add(event.conversation_id)
        await self._write(quiet)

    async def checkpoint(self) -> None:
        """What was busy until now counts as busy until the next one."""
        busy = set(self._waiting)
        await self._write(busy)
        self._written = busy

    async def _write(self, conversation_ids: Collection[str]) -> None:
        activity = {c: self._waiting.pop(c) for c in conversation_ids}
        try:
            await record_activity(self._database, activity)
        except BaseException:
            self._waiting = activity | self._waiting
            raise
        self._written |= activity.keys()
