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
    AlreadyThereError,
    LocalFileError,
    ParleyError,
    Problem,
    ProblemError,
    SessionEndedError,
    SocketClosedError,
    StorageError,
    StorageUnreachableError,
    UnreachableError,
)
from clients.parley.files import Downloaded, FilePage, Files, Progress, StoredFile, Thumbnail, Uploaded
from clients.parley.frames import (
    Accepted,
    Arrived,
    CaughtUp,
    DeliveryChanged,
    Edited,
    ErrorReported,
    Event,
    Pong,
    PresenceChanged,
    Pressed,
    Reacted,
    Ready,
    Receipt,
    Typing,
    Unsent,
)
from clients.parley.live import Interrupted, LiveChat, LiveEvent
from clients.parley.objects import (
    Acceptance,
    BatchItem,
    Channel,
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
    Plan,
    PlannedDelivery,
    Presence,
    Press,
    Profile,
    Reactions,
    Route,
    RoutePlace,
    SentFile,
    StatusChange,
    Step,
    Tokens,
    Window,
)
from clients.parley.session import Grant, Keeper
from clients.parley.socket import ChatSocket
from clients.parley.wire import Resume

__version__ = "0.1.0"

__all__ = [
    "Acceptance",
    "Accepted",
    "AlreadyThereError",
    "Arrived",
    "BatchItem",
    "CaughtUp",
    "Channel",
    "ChannelMapping",
    "ChatSocket",
    "Conversation",
    "Delivery",
    "DeliveryChanged",
    "Downloaded",
    "Draft",
    "Edited",
    "ErrorReported",
    "Event",
    "FilePage",
    "Files",
    "Grant",
    "History",
    "Interrupted",
    "Keeper",
    "LiveChat",
    "LiveEvent",
    "LocalFileError",
    "Me",
    "Message",
    "MessageStatus",
    "Page",
    "ParleyClient",
    "ParleyError",
    "Past",
    "Plan",
    "PlannedDelivery",
    "Pong",
    "Presence",
    "PresenceChanged",
    "Press",
    "Pressed",
    "Problem",
    "ProblemError",
    "Profile",
    "Progress",
    "Reacted",
    "Reactions",
    "Ready",
    "Receipt",
    "Resume",
    "Route",
    "RoutePlace",
    "SentFile",
    "SessionEndedError",
    "SocketClosedError",
    "StatusChange",
    "Step",
    "StorageError",
    "StorageUnreachableError",
    "StoredFile",
    "Thumbnail",
    "Tokens",
    "Typing",
    "UnreachableError",
    "Unsent",
    "Uploaded",
    "Window",
    "__version__",
]
