"""The account of one conversation: what was sent, accepted and received, so what is lost, doubled or swapped."""

from dataclasses import dataclass, field, fields

NEVER = 0.0


@dataclass(frozen=True)
class Verdict:
    """Counts of messages; a correct platform keeps all but the first two at 0.

    `lost`: accepted, never at the recipient. `unanswered`: neither accepted nor refused. `doubled`: more than one
    frame. `out_of_order`: a number that is not the one before plus 1, or below that of a message accepted before
    this one was sent. `foreign`: frames for messages that nobody here sent."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    unanswered: int = 0
    doubled: int = 0
    out_of_order: int = 0
    foreign: int = 0

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def clean(self) -> bool:
        return not (self.lost or self.unanswered or self.doubled or self.out_of_order or self.foreign)


@dataclass
class Lane:
    """One sender's messages to one recipient, by index in the order of sending; times are seconds of one clock.

    The first number that arrives is taken as it is; from there each must be the next."""

    index_of: dict[str, int] = field(default_factory=dict)
    due: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    last_number: int = 0
    doubled: int = 0
    foreign: int = 0
    jumps: int = 0

    def send(self, message_id: str, due: float, now: float) -> int:
        index = len(self.sent)
        self.index_of[message_id] = index
        self.due.append(due)
        self.sent.append(now)
        self.accepted.append(NEVER)
        self.arrived.append(NEVER)
        self.numbers.append(0)
        return index

    def accept(self, index: int, now: float) -> None:
        self.accepted[index] = now

    def arrive(self, message_id: str, number: int, now: float) -> None:
        index = self.index_of.get(message_id)
        if index is None:
            self.foreign += 1
        elif self.arrived[index]:
            self.doubled += 1
            return
        else:
            self.arrived[index] = now
            self.numbers[index] = number
        if self.last_number and number != self.last_number + 1:
            self.jumps += 1
        self.last_number = max(self.last_number, number)

    @property
    def complete(self) -> bool:
        """Everything that was accepted is at the recipient."""
        return all(a or not ok for a, ok in zip(self.arrived, self.accepted, strict=True))

    def accept_latencies(self) -> list[float]:
        """Seconds from due to accepted, of every accepted message."""
        return [a - d for a, d in zip(self.accepted, self.due, strict=True) if a]

    def receipt_latencies(self) -> list[float]:
        """Seconds from due to the frame at the recipient, of every message that arrived."""
        return [a - d for a, d in zip(self.arrived, self.due, strict=True) if a]

    def verdict(self) -> Verdict:
        answers = list(zip(self.accepted, self.arrived, strict=True))
        return Verdict(
            sent=len(self.sent),
            received=sum(1 for arrived in self.arrived if arrived),
            lost=sum(1 for accepted, arrived in answers if accepted and not arrived),
            unanswered=sum(1 for accepted, _ in answers if not accepted),
            doubled=self.doubled,
            out_of_order=self.jumps + self._overtaken(),
            foreign=self.foreign,
        )

    def _overtaken(self) -> int:
        """Messages that were accepted before one of a lower number was even sent."""
        by_number = sorted(index for index, arrived in enumerate(self.arrived) if arrived)
        by_number.sort(key=lambda index: self.numbers[index])
        latest_sent, overtaken = NEVER, 0
        for index in by_number:
            if self.accepted[index] and self.accepted[index] < latest_sent:
                overtaken += 1
            latest_sent = max(latest_sent, self.sent[index])
        return overtaken
