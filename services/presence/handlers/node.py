"""What a device is sent: everything pending or recovered, then everything new, in order and without a gap.

A connection knows the offset up to which it has its user's feed. Live entries come by announcement and are pushed when
they are the next one; whatever else happens (log-in, a lost announcement, a trimmed or lost feed) is one procedure:
read the feed on from the offset, fill from MongoDB what the feed cannot prove, and go live when nothing is left.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import Gauge

from libs.common import frames
from libs.common.errors import Unavailable
from libs.common.feed import Packed, feed_key, unpack
from services.presence.domain.frames import Resume
from services.presence.domain.progress import Feed, Progress, Step
from services.presence.handlers.devices import HEALED, Channels, Device, TooMany, Unproven
from services.presence.handlers.pushes import push, push_stored

if TYPE_CHECKING:
    from services.presence.store.feeds import Entry, Feeds
    from services.presence.store.inbox import Inbox

HEARTBEAT_S = 30.0
SUBSCRIBE_S = 3.0
PATIENCE_S = 0.5
DEVICES_OF_ONE = 100  # of a user, at once: nobody takes the places of all others

DEVICES = Gauge("parley_devices", "Connected devices.")

T = TypeVar("T")

log = logging.getLogger(__name__)


class Node:
    """All devices that are connected here."""

    def __init__(self, feeds: "Feeds", inbox: "Inbox", channels: Channels) -> None:
        self._feeds = feeds
        self._inbox = inbox
        self._channels = channels
        self._devices: defaultdict[str, set[Device]] = defaultdict(set)

    async def serve(self, device: Device, resume: Resume | None) -> None:
        """Runs as long as the connection: brings the device up to date, and again whenever it falls behind.

        Raises `Unproven`: then the device has to come again, and will be told so. Raises `TooMany`.
        """
        if len(self._devices.get(device.username, ())) >= DEVICES_OF_ONE:
            raise TooMany
        DEVICES.inc()
        self._devices[device.username].add(device)
        try:
            recovered = await _patiently(lambda: self._join(device, resume))
            device.outlet.send(_ready(device, recovered))
            device.is_ready.set()
            while True:
                await _patiently(lambda: self._bring_up_to_date(device))
                await device.wake.wait()
                device.wake.clear()
        finally:
            DEVICES.dec()
            self._leave(device)

    def _leave(self, device: Device) -> None:
        devices = self._devices[device.username]
        devices.discard(device)
        if not devices:
            del self._devices[device.username]
            self._channels.unsubscribe(feed_key(device.username))

    async def _join(self, device: Device, resume: Resume | None) -> bool | None:
        """Where the device stands: at its own offset if that can be resumed, else at the end of the feed, unfilled."""
        feed = await self._open(device.username)
        recovered = None if resume is None else feed.can_resume(resume.epoch, resume.offset)
        floors = await self._inbox.floors(device.username)
        device.progress = Progress(resume.offset if resume and recovered else feed.last, floors=floors)
        device.epoch = feed.epoch
        device.is_filled = device.is_recovering = bool(recovered)
        return recovered

    async def _open(self, username: str) -> Feed:
        """The subscription and the feed are there *before* pending messages are read: each is seen by one of them."""
        try:
            async with asyncio.timeout(SUBSCRIBE_S):
                await self._channels.subscribe(feed_key(username))
        except TimeoutError as error:
            raise Unavailable("Redis", "no subscription") from error
        feed = await self._feeds.open(username)
        self._notice_epoch(username, feed.epoch)
        return feed

    def _notice_epoch(self, username: str, epoch: str) -> None:
        """Where one device finds another feed, the user's others need not wait for the heartbeat to find it."""
        for device in self._devices.get(username, ()):
            if device.is_live and device.epoch != epoch:
                device.fall_behind(0, "epoch")

    async def _bring_up_to_date(self, device: Device) -> None:
        """What an announcement did not bring the feed has; what the feed cannot prove MongoDB has."""
        feed = await self._open(device.username)
        if feed.epoch != device.epoch:
            device.start_over(feed)
        if not device.is_filled:
            await self._fill(device)
            device.is_filled = True
        await self._catch_up(device)
        if device.is_live and device.owes_caught_up:
            device.owes_caught_up = device.is_recovering = False
            device.outlet.send(_caught_up(device))

    async def _catch_up(self, device: Device) -> None:
        """Reads the feed on until nothing is left; an entry announced meanwhile is looked for once more."""
        device.is_live = False
        looked_again = False
        while True:
            epoch, entries = await self._feeds.read(device.username, device.progress.offset)
            if epoch != device.epoch:
                device.fall_behind(0, "epoch")
                return
            for entry in entries:
                await self._take(device, entry)
                await device.outlet.drained()
            if not entries:
                if looked_again or device.announced <= device.progress.offset:
                    break
                looked_again = True
        device.announced = device.progress.offset
        device.is_live = True

    async def _take(self, device: Device, entry: "Entry") -> None:
        if entry.offset != device.progress.offset + 1 or not self._push(device, entry.offset, entry.packed):
            HEALED.labels("trimmed").inc()
            await self._fill(device)
            self._push(device, entry.offset, entry.packed)

    async def _fill(self, device: Device) -> None:
        """From MongoDB: everything above what this connection has, or above what was acknowledged at log-in.

        What another device had acknowledged by then is not among it, and a device that recovers may lack just that.
        """
        if device.is_recovering:
            raise Unproven
        progress = device.progress
        async for page in self._inbox.after(device.username, progress.lower_bound):
            for message in page:
                progress.have[message.conversation_id] = message.sequence_number
                push_stored(device, message)
                await device.outlet.drained()

    def _push(self, device: Device, offset: int, packed: Packed) -> bool:
        """Sends an entry unless the connection has it; False where something before it is missing."""
        progress = device.progress
        if packed.kind == "message":
            step = progress.judge(packed.conversation_id, packed.sequence_number)
            if step is Step.FILL:
                return False
            progress.offset = offset
            if step is Step.SKIP:
                return True
            progress.have[packed.conversation_id] = packed.sequence_number
        progress.offset = offset
        push(device, offset, packed)
        return True

    def on_announcement(self, channel: bytes, payload: bytes) -> None:
        """A new entry of a feed: pushed at once to every live device for which it is the next; or a hint."""
        username = channel[6:-1].decode()  # feed:{…}
        devices = self._devices.get(username)
        if not devices:
            return
        at, _, frame = payload.partition(b" ")
        if at == b"-":
            self._hint(devices, frame)
            return
        offset, packed = int(at), unpack(frame)
        for device in tuple(devices):
            if not device.is_live:
                device.announced = max(device.announced, offset)
            elif offset > device.progress.offset and (
                offset != device.progress.offset + 1 or not self._push(device, offset, packed)
            ):
                device.fall_behind(offset, "gap")

    def _hint(self, devices: Iterable[Device], frame: bytes) -> None:
        for device in devices:
            if not device.owes_caught_up:
                device.outlet.hint(frame)

    def on_reconnected(self) -> None:
        """Announcements may have been lost, and Redis may be another: every device looks."""
        for devices in self._devices.values():
            for device in devices:
                device.fall_behind(0, "reconnect")

    async def keep_feeds(self, every_s: float = HEARTBEAT_S) -> None:
        """The heartbeat, for ever: feeds of connected users live on, and what was not announced is noticed."""
        while True:
            await asyncio.sleep(every_s)
            for username in list(self._devices):
                try:
                    self._compare(username, await self._feeds.open(username))
                except Unavailable as error:
                    log.warning("no heartbeat: %s", error)
                    break

    def _compare(self, username: str, feed: Feed) -> None:
        for device in self._devices.get(username, ()):
            if device.is_live and (feed.epoch != device.epoch or feed.last > device.progress.offset):
                device.fall_behind(0, "heartbeat")


async def _patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Again and again while a dependency is away; each attempt begins from what the connection has."""
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            log.warning("a device waits: %s", error)
            await asyncio.sleep(PATIENCE_S)


def _ready(device: Device, recovered: bool | None) -> bytes:
    frame = frames.Ready(device.connection_id, device.username, device.epoch, device.progress.offset, recovered)
    return frames.encode(frame)


def _caught_up(device: Device) -> bytes:
    return frames.encode(frames.CaughtUp(device.epoch, device.progress.offset))
