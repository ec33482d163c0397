"""The form of what is known of a channel: each field is a fact that code, or whoever chooses a channel, goes by."""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

StatusCeiling = Literal["SENT", "DELIVERED", "READ"]
Positive = Annotated[int, Meta(ge=1)]


class Fact(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the registry: whatever it does not know is an error in the data."""


class AddressForm(Fact, frozen=True):
    """`form` says in words what `pattern` takes; `ignored_prefix` may stand before an address and says nothing."""

    pattern: str
    form: str
    ignored_prefix: str = ""


class TextLimit(Fact, frozen=True):
    """Characters are Unicode code points, bytes those of UTF-8."""

    max: Positive
    counted_in: Literal["characters", "bytes"] = "characters"

    def fits(self, text: str) -> bool:
        return len(text if self.counted_in == "characters" else text.encode()) <= self.max

    def fitting(self, text: str) -> int:
        """How many code points of it fit, from the first on."""
        window = text[: self.max]
        return len(window if self.counted_in == "characters" else window.encode()[: self.max].decode(errors="ignore"))


class FileLimit(Fact, frozen=True):
    """`types`: the only content types that it takes; all where none are named. Nobody takes a file without a byte.

    `captioned`: whether such files may bear a caption, where a channel knows captions at all.
    """

    max_bytes: Positive
    types: tuple[str, ...] = ()
    captioned: bool = True

    def takes(self, content_type: str, size: int) -> bool:
        plain = content_type.partition(";")[0].strip().lower()
        return 1 <= size <= self.max_bytes and (not self.types or plain in self.types)


class Files(Fact, frozen=True):
    """What we may send: images, videos and audio also as plain files. `download` is what we may fetch, in bytes."""

    image: FileLimit
    video: FileLimit
    audio: FileLimit
    file: FileLimit
    download: Positive | None = None

    def takes(self, content_type: str, size: int) -> bool:
        return self.limit_of(content_type, size) is not None

    def limit_of(self, content_type: str, size: int) -> FileLimit | None:
        """What it would go as; None where it is not taken."""
        kinds = {"image": self.image, "video": self.video, "audio": self.audio}
        candidates = (kinds.get(content_type.partition("/")[0], self.file), self.file)
        return next((limit for limit in candidates if limit.takes(content_type, size)), None)


class Places(Fact, frozen=True):
    """`native`: shown on a map, else it goes as a link. `named`: it may bear the name of the place."""

    native: bool
    named: bool = False


class Typing(Fact, frozen=True):
    """How long a hint is shown. `answering`: only beside a message of theirs; `stops`: it can be taken back."""

    shown_s: Positive
    answering: bool = False
    stops: bool = False


class Change(Fact, frozen=True):
    """Whether a message that was sent can be changed, and for how long; None: for ever."""

    possible: bool
    within_h: Positive | None = None


class Reacting(Fact, frozen=True):
    """`incoming` "groups": where our account is an admin of the group. `outgoing`: how many we may set, None: any."""

    incoming: Literal["all", "groups"]
    outgoing: Annotated[int, Meta(ge=0)] | None = None


class Buttons(Fact, frozen=True):
    """None is no limit that is published."""

    form: Literal["inline_keyboard", "reply_buttons", "quick_replies", "own"]
    max: Positive | None = None
    title_max: Positive | None = None


class Rows(Fact, frozen=True):
    """A list to choose from."""

    max: Positive | None = None
    title_max: Positive | None = None
    description_max: Positive | None = None


class Window(Fact, frozen=True):
    """So long after their last message we may write freely; `people_h`: a person of ours, and no program."""

    hours: Positive
    people_h: Positive | None = None


class Throttle(Fact, frozen=True):
    """At most `count` in `per_s` seconds, for each account, address or group; `burst` may go at once."""

    scope: Literal["account", "address", "group"]
    count: Positive
    per_s: Positive = 1
    of: Literal["all", "text", "media"] = "all"
    burst: Positive | None = None


class Channel(Fact, frozen=True, kw_only=True):
    """What the platform can do, of which Parley may use less.

    `status_ceiling` is the highest status that it can report, `reports` are all of them. `caption` is None where files
    bear none. `first_contact`: whether we may write first. `unconfirmed` are paths of facts that nobody has checked.
    """

    title: str
    address: AddressForm
    status_ceiling: StatusCeiling
    reports: tuple[StatusCeiling, ...]
    text: TextLimit
    caption: TextLimit | None
    files: Files
    location: Places
    typing: Typing
    edit: Change
    unsend: Change
    reactions: Reacting
    buttons: Buttons
    rows: Rows | None
    first_contact: Literal["free", "template", "never"]
    window: Window | None
    throttles: tuple[Throttle, ...]
    notes: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def canonical(self, address: str) -> str | None:
        """The one way to write this address; None where it has not the channel's form."""
        plain = address.removeprefix(self.address.ignored_prefix)
        return plain if re.fullmatch(self.address.pattern, plain, re.ASCII) else None

    def captions(self, content_type: str, size: int, caption: str) -> bool:
        """Whether such a file may bear this caption."""
        limit = self.files.limit_of(content_type, size)
        return limit is not None and limit.captioned and self.caption is not None and self.caption.fits(caption)

    @property
    def at_its_widest(self) -> "Channel":
        """The same where an account answers for people of ours: its window is open for longer."""
        if self.window is None or self.window.people_h is None:
            return self
        return replace(self, window=replace(self.window, hours=self.window.people_h))

    def taking_files_of(self, max_bytes: int | None) -> "Channel":
        """The same on a server that takes larger files than the platform's own, and hands them out."""
        if max_bytes is None:
            return self
        file = replace(self.files.file, max_bytes=max_bytes)
        download = self.files.download and max(self.files.download, max_bytes)
        return replace(self, files=replace(self.files, file=file, download=download))
