"""The Python client of Parley: `ParleyClient` for the HTTP calls, `ChatSocket` for the live side.

    async with ParleyClient("http://127.0.0.1:8080") as ana:
        await ana.log_in("ana", "correct horse battery")
        chat = await ana.open_conversation(["bo"])
        sent = await ana.send(chat.conversation_id, "hello")
        async with ana.socket() as socket:
            async for event in socket:
                if isinstance(event, Arrived):
                    socket.ack(event.conversation_id, event.sequence_number)

It knows the public contract and nothing else of this repository.
"""

from clients.parley.errors import ParleyError, ProblemError, SocketClosedError, UnreachableError
from clients.parley.http import ParleyClient
from clients.parley.objects import (
    Accepted,
    Arrived,
    CaughtUp,
    Conversation,
    Delivery,
    DeliveryChanged,
    ErrorReported,
    Event,
    History,
    Message,
    MessageStatus,
    Page,
    Pong,
    PresenceChanged,
    Profile,
    Ready,
    Receipt,
    StatusChange,
    Tokens,
    Typing,
)
from clients.parley.socket import ChatSocket
from clients.parley.wire import Resume

__version__ = "0.1.0"

__all__ = [
    "Accepted",
    "Arrived",
    "CaughtUp",
    "ChatSocket",
    "Conversation",
    "Delivery",
    "DeliveryChanged",
    "ErrorReported",
    "Event",
    "History",
    "Message",
    "MessageStatus",
    "Page",
    "ParleyClient",
    "ParleyError",
    "Pong",
    "PresenceChanged",
    "ProblemError",
    "Profile",
    "Ready",
    "Receipt",
    "Resume",
    "SocketClosedError",
    "StatusChange",
    "Tokens",
    "Typing",
    "UnreachableError",
    "__version__",
]
