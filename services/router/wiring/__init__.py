"""What each role of a router is made of, and what it adds to the process."""

from collections.abc import Callable, Mapping

from services.router.wiring.channels import channels
from services.router.wiring.inbound import inbound
from services.router.wiring.messages import messages
from services.router.wiring.operators import operators
from services.router.wiring.parts import Parts, Work
from services.router.wiring.receipts import receipts

ROLES: Mapping[str, Callable[[Parts, Work], None]] = {
    "messages": messages,
    "receipts": receipts,
    "inbound": inbound,
    "channels": channels,
    "operators": operators,
}

__all__ = ["ROLES", "Parts", "Work"]
