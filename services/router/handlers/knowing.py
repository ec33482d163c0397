"""Who speaks: a user who has mapped the address, else a contact, which may be one person with others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.sdk import Unsent
from libs.common.identities import UserOf, Who, name_of
from services.router.inbound import Spoken, Told, met, said_by

if TYPE_CHECKING:
    from services.router.people import Everybody


@dataclass(frozen=True)
class Knowing:
    """Asked of MongoDB for each batch, so that what operators merge holds at once."""

    everybody: "Everybody"
    user_of: UserOf

    async def meet(self, told: Iterable[Told]) -> None:
        """Everybody who did something is known as a contact when this returns. Raises `Unavailable`."""
        spoken = [(t, t.what) for t in told]
        await self.everybody.meet([met(t, w) for t, w in spoken if isinstance(w, Spoken) and not isinstance(w, Unsent)])

    async def who(self, spoken: Sequence[tuple[Told, Spoken]]) -> list[Who]:
        """Of each, in the order given: who did it, then, of a group there, the whole of it, by which it begins."""
        addresses = [[(told.event.channel, value) for value in said_by(what)] for told, what in spoken]
        people = await self.everybody.among({name_of(*one) for each in addresses for one in each})
        return [_joined([people.who(*one, self.user_of) for one in each]) for each in addresses]


def _joined(whos: Sequence[Who]) -> Who:
    return Who(tuple(dict.fromkeys(name for who in whos for name in who.names)), whos[-1].begins)
