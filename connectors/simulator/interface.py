"""The words of the simulator's own interface, whichever platform it is for: bodies, refusals, answers, and faults."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from connectors.simulator.faults import MEANING, Fault, Faults

Somebody = TypeVar("Somebody")
Json = dict[str, Any]
After = Annotated[int, Query(ge=0, le=2**53)]
Limit = Annotated[int, Query(ge=1, le=1_000)]


class Impossible(Exception):
    """A person cannot do this; the words say why."""


class Body(BaseModel):
    """Of a request to the simulator's own interface: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


def shown(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def the_only(matching: Sequence[Somebody], who: str) -> Somebody:
    """Raises `Impossible` where nobody is called so, or several are."""
    if len(matching) != 1:
        raise Impossible(f"{len(matching)} people are called {who}" if matching else f"nobody is called {who}")
    return matching[0]


def fault_routes(router: APIRouter, faults: Callable[[], Faults], refuse: Callable[[float], None]) -> None:
    """`GET`, `POST` and `DELETE` of `/faults`, where the router stands."""

    @router.get("/faults", tags=["Faults"])
    async def standing() -> Response:
        return shown({"items": faults().current(), "kinds": MEANING})

    @router.post("/faults", tags=["Faults"], status_code=201)
    async def add_fault(body: Json) -> Response:
        """`{kind, chat?, seconds?, status?, times?, for_s?, share?}`; the kinds are those of `GET`."""
        fault = msgspec.convert(body, Fault)
        if fault.kind == "refused":
            refuse(fault.seconds)
            return shown({"id": 0, "fault": fault})
        return shown(faults().add(fault))

    @router.delete("/faults", tags=["Faults"])
    async def clear_faults() -> Json:
        count = len(faults().current())
        faults().standing.clear()
        return {"ended": count}

    @router.delete("/faults/{fault_id}", tags=["Faults"])
    async def end_fault(fault_id: int) -> Json:
        return {"ended": int(faults().standing.pop(fault_id, None) is not None)}
