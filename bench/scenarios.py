"""What is measured, by name: a door as fast as it goes, a door at a rate, the rush, and idleness."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

DoorName = Literal["http", "socket", "batch"]
DOORS: dict[DoorName, str] = {"http": "HTTP", "socket": "socket", "batch": "batches of 50"}
RUSH_RATE = 3_333.0
REST_S = 4.0  # before a load that comes from idleness
CONNECTING_S = 3.0  # 100 sockets, roughly
HELD_S = 60.0


@dataclass(frozen=True)
class Scenario:
    """Through which door, and at which rate (None: closed loop, as fast as it goes); without a door nothing is sent."""

    name: str
    seconds: float
    warm_up_s: float = 0.0
    door: DoorName | None = None
    rate: float | None = None

    @property
    def title(self) -> str:
        if self.door is None:
            return "idle"
        if self.rate is None:
            return f"{DOORS[self.door]}, closed loop"
        return f"{DOORS[self.door]}, {self.rate:,.0f}/s{'' if self.warm_up_s else ' from idle'}"

    @property
    def about_s(self) -> float:
        """How long a run takes, roughly."""
        return self.seconds + CONNECTING_S + (self.warm_up_s or REST_S)


EVERYTHING = "http,socket,batch,http@100,http@500,http@1667,idle,rush"


def choose(names: Sequence[str], seconds: float, warm_up_s: float, held_s: float | None = None) -> list[Scenario]:
    """The scenarios of these names, in this order; raises ValueError for a name that is none.

    `held_s` is the length of a run at 1,667 messages a second: 100,000 a minute is a goal for a minute."""
    return [_choose(name, held_s or seconds if name == "http@1667" else seconds, warm_up_s) for name in names]


def _choose(name: str, seconds: float, warm_up_s: float) -> Scenario:
    if name == "idle":
        return Scenario(name, seconds)
    if name == "rush":
        return Scenario(name, seconds, door="http", rate=RUSH_RATE)
    word, at, rate = name.partition("@")
    door = next((door for door in get_args(DoorName) if door == word), None)
    if door is None or (at and not (rate.isdecimal() and int(rate))):
        raise ValueError(f"{name!r} is none of http, socket, batch, any of them at a rate (http@500), rush and idle")
    return Scenario(name, seconds, warm_up_s, door, float(rate) if at else None)
