"""How often somebody may do something."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """At most `size` at once, and `per_s` in the long run; times are seconds of any clock that never goes back."""

    size: float
    per_s: float
    level: float
    at: float

    @classmethod
    def full(cls, size: float, per_s: float, at: float) -> "Bucket":
        return cls(size, per_s, size, at)

    def take(self, at: float) -> bool:
        self.level = min(self.size, self.level + (at - self.at) * self.per_s)
        self.at = at
        if self.level < 1:
            return False
        self.level -= 1
        return True
