"""What a chat shows of one conversation: entries in their order, and how far each of one's own has come."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from clients.parley.cli.words import text_of
from clients.parley.frames import Receipt
from clients.parley.objects import Message

KEPT = 500
RANK = {"SENT": 1, "DELIVERED": 2, "READ": 3}
TICKS = {"": ("·", "dim"), "SENT": ("✓", "dim"), "DELIVERED": ("✓✓", "dim"), "READ": ("✓✓", "cyan")}
FAILED = ("✗", "red")


@dataclass
class Entry:
    """One text; `number` is None until the server has numbered it, `fault` says why it will not be."""

    message_id: str
    sender: str
    text: str
    at: datetime
    number: int | None = None
    status: str = ""
    fault: str = ""


@dataclass
class Room:
    """The last texts of a conversation as `me` sees it."""

    me: str
    others: frozenset[str]
    entries: list[Entry] = field(default_factory=list)
    there: dict[str, str] = field(default_factory=dict)
    _marks: dict[tuple[str, str], int] = field(default_factory=dict)

    def begin(self, message_id: str, text: str) -> Entry:
        """A text of one's own, on its way."""
        return self._add(Entry(message_id, self.me, text, datetime.now(UTC)))

    def accepted(self, message_id: str) -> None:
        entry = self._find(message_id)
        if entry is not None:
            entry.status = entry.status or "SENT"

    def refused(self, message_id: str, why: str) -> None:
        entry = self._find(message_id)
        if entry is not None:
            entry.fault = why

    def arrived(self, message: Message) -> Entry:
        """Also one's own, from this device or another: the first that tells its number."""
        entry = self._find(message.message_id)
        if entry is None:
            entry = self._add(Entry(message.message_id, message.sender, text_of(message), message.created_at))
        entry.number = message.sequence_number
        if RANK.get(message.status or "", 0) > RANK.get(entry.status, 0):
            entry.status = message.status or ""
        entry.fault = "not delivered" if message.status == "FAILED" else ""
        return entry

    def says_now(self, message_id: str, text: str) -> Entry | None:
        """It was edited, or taken back."""
        entry = self._find(message_id)
        if entry is not None:
            entry.text = text
        return entry

    def receipt(self, receipt: Receipt) -> None:
        """READ says DELIVERED too."""
        for status in ("DELIVERED", "READ")[: RANK.get(receipt.status, 1) - 1]:
            key = (receipt.username, status)
            self._marks[key] = max(receipt.sequence_number, self._marks.get(key, 0))

    def status_of(self, entry: Entry) -> str:
        """The least that all others have done with it."""
        for status in ("READ", "DELIVERED"):
            if RANK.get(entry.status, 0) >= RANK[status] or self._all_have(status, entry.number):
                return status
        return entry.status

    def tick(self, entry: Entry) -> tuple[str, str]:
        """Mark and style; nothing for others' texts."""
        if entry.sender != self.me:
            return "", ""
        return FAILED if entry.fault else TICKS[self.status_of(entry)]

    def who_is_there(self) -> str:
        """Nothing while nothing is known."""
        if len(self.others) == 1:
            return "".join(f"{name} is {status}" for name, status in self.there.items())
        online = sum(status == "online" for status in self.there.values())
        return f"{online} of {len(self.others)} others are online" if self.there else ""

    def is_on_its_way(self, entry: Entry) -> bool:
        return entry.sender == self.me and not entry.status and entry.number is None and not entry.fault

    def _all_have(self, status: str, number: int | None) -> bool:
        far = [self._marks.get((name, status), 0) for name in self.others]
        return number is not None and bool(far) and min(far) >= number

    def _find(self, message_id: str) -> Entry | None:
        return next((e for e in reversed(self.entries) if e.message_id == message_id), None)

    def _add(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        del self.entries[:-KEPT]
        return entry
