"""What happens to an accepted message (stored, numbered, fed) and to a receipt (logged, fed), a batch at a time."""

from services.router.handlers.answering import Answering
from services.router.handlers.attaching import MOST_BYTES, Attaching
from services.router.handlers.backlogs import Backlogs
from services.router.handlers.changing import Changing
from services.router.handlers.courier import Courier
from services.router.handlers.deliveries import Deliveries
from services.router.handlers.following import Following
from services.router.handlers.inbound import Inbound
from services.router.handlers.knowing import Knowing
from services.router.handlers.leftovers import Leftovers
from services.router.handlers.lines import Line
from services.router.handlers.memory import Heights
from services.router.handlers.messages import Messages
from services.router.handlers.notices import Notices
from services.router.handlers.placing import Placing
from services.router.handlers.postponed import Postponed
from services.router.handlers.receipts import Receipts
from services.router.handlers.reporting import Reporting
from services.router.handlers.taking import Taking
from services.router.handlers.telling import Teller

__all__ = [
    "MOST_BYTES",
    "Answering",
    "Attaching",
    "Backlogs",
    "Changing",
    "Courier",
    "Deliveries",
    "Following",
    "Heights",
    "Inbound",
    "Knowing",
    "Leftovers",
    "Line",
    "Messages",
    "Notices",
    "Placing",
    "Postponed",
    "Receipts",
    "Reporting",
    "Taking",
    "Teller",
]
