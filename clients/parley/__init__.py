"""The Python client of Parley: `ParleyClient` for the HTTP calls, `LiveChat` for what happens now.

    async with ParleyClient("http://127.0.0.1:8080") as ana:
        await ana.log_in("ana", "correct horse battery")
        chat = await ana.open_conversation(["ben"])
        await ana.send(chat.conversation_id, "hello")
        async with ana.live() as live:
            async for event in live:
                if isinstance(event, Arrived):
                    live.read(event.conversation_id, event.sequence_number)

`ChatSocket` is one connection, without the coming back of `LiveChat`. The client knows the public contract and nothing
else of this repository; the README beside this file says more.
"""

from clients.parley.client import ParleyClient
from clients.parley.errors import (
    ParleyError,
    Problem,
    ProblemError,
    SessionEndedError,
    SocketClosedError,
    UnreachableError,
)
from clients.parley.frames import (
    Accepted,
    Arrived,
    CaughtUp,
    DeliveryChanged,
    ErrorReported,
    Event,
    Pong,
    PresenceChanged,
    Ready,
    Receipt,
    Typing,
)
from clients.parley.live import Interrupted, LiveChat, LiveEvent
from clients.parley.objects import (
    Acceptance,
    BatchItem,
    ChannelMapping,
    Conversation,
    Delivery,
    Draft,
    History,
    Me,
    Message,
    MessageStatus,
    Page,
    Past,
    Presence,
    Profile,
    StatusChange,
    Tokens,
)
from clients.parley.session import Grant, Keeper
from clients.parley.socket import ChatSocket
from clients.parley.wire import Resume

__version__ = "0.1.0"

__all__ = [
    "Acceptance",
    "Accepted",
    "Arrived",
    "BatchItem",
    "CaughtUp",
    "ChannelMapping",
    "ChatSocket",
    "Conversation",
    "Delivery",
    "DeliveryChanged",
    "Draft",
    "ErrorReported",
    "Event",
    "Grant",
    "History",
    "Interrupted",
    "Keeper",
    "LiveChat",
    "LiveEvent",
    "Me",
    "Message",
    "MessageStatus",
    "Page",
    "ParleyClient",
    "ParleyError",
    "Past",
    "Pong",
    "Presence",
    "PresenceChanged",
    "Problem",
    "ProblemError",
    "Profile",
    "Ready",
    "Receipt",
    "Resume",
    "SessionEndedError",
    "SocketClosedError",
    "StatusChange",
    "Tokens",
    "Typing",
    "UnreachableError",
    "__version__",
]
