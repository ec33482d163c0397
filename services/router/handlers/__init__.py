"""What happens to an accepted message (stored, numbered, fed) and to a receipt (logged, fed), a batch at a time."""

from services.router.handlers.deliveries import Deliveries
from services.router.handlers.memory import Heights
from services.router.handlers.messages import Messages
from services.router.handlers.receipts import Receipts

__all__ = ["Deliveries", "Heights", "Messages", "Receipts"]
