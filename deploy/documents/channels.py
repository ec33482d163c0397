"""The page of channels: what each can do, from the registry, beside what Parley does where one cannot."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from connectors.capabilities import Channel, Throttle
from connectors.capabilities.adapt import MOST_PIECES, Word
from connectors.capabilities.channel import Change, FileLimit, TextLimit

HEAD = """\
# What channels can do
Written from `connectors/capabilities/channels.json` by `make openapi`: what stands here is what the code goes by. It is
what the *platforms* can do; Parley uses what its own calls have a place for. `?` marks what nobody has checked yet.
"""
FITTING = """\
## What is changed so that it fits
A message goes to each channel in a form that it takes. The words of `adapted` say what had to be changed:
"""
WORDS: Mapping[Word, str] = {
    "text_split": "it was longer than texts may be and went as several, split at paragraphs, lines, sentences or words",
    "text_shortened": f"it was longer than {MOST_PIECES} texts: the rest is missing, and `…` stands in its place",
    "caption_separate": "files bear no caption there, or none so long: it follows as a text",
    "file_as_link": "the file is larger than the channel takes, or of another type: a link to it went in its place",
    "location_as_link": "the channel has no maps: a link to one went in its place",
    "place_name_separate": "locations bear no name there: it follows as a text",
    "reply_dropped": "the platform does not have the message any more that it answers: it went as no answer",
}
MB, MIB, GIB = 1_000_000, 1024**2, 1024**3


def page(channels: Mapping[str, Channel]) -> str:
    words = ["| word | what was done |", "|---|---|", *(_line([f"`{word}`", done]) for word, done in WORDS.items()), ""]
    return "\n".join([HEAD, _table(channels), "", FITTING, *words, *map(_about, channels.values())])


def _table(channels: Mapping[str, Channel]) -> str:
    lines = [_line(["", *(f"`{name}`" for name in channels)]), "|---" * (len(channels) + 1) + "|"]
    for words, (path, shown) in ROWS.items():
        cells = [shown(c) + (" ?" if _is_doubtful(c, path) else "") for c in channels.values()]
        lines.append(_line([words, *cells]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_doubtful(channel: Channel, path: str) -> bool:
    return any(doubt.split(".")[0] == path for doubt in channel.unconfirmed)


def _about(channel: Channel) -> str:
    doubts = ", ".join(f"`{path}`" for path in channel.unconfirmed)
    lines = [f"An address is {channel.address.form}.", *channel.notes, *([f"Unconfirmed: {doubts}."] if doubts else [])]
    sources = [f"<{source}>" for source in channel.sources]
    return "\n".join([f"### {channel.title}", *(f"- {line}" for line in [*lines, *sources]), ""])


def _text(limit: TextLimit | None) -> str:
    return "none" if limit is None else f"{limit.max:,} {limit.counted_in}"


def _bytes(size: int) -> str:
    if size % GIB == 0:
        return f"{size // GIB} GiB"
    return f"{size // MIB} MiB" if size % MIB == 0 else f"{size / MB:,.0f} MB"


def _file(limit: FileLimit) -> str:
    types = f", {' or '.join(limit.types)}" if limit.types else ""
    return _bytes(limit.max_bytes) + types + ("" if limit.captioned else ", without a caption")


def _change(change: Change) -> str:
    if not change.possible:
        return "no"
    return f"within {change.within_h} h" if change.within_h else "yes"


def _typing(channel: Channel) -> str:
    hint = channel.typing
    beside = ", beside a message of theirs" if hint.answering else ""
    return f"{hint.shown_s} s{beside}{', can be taken back' if hint.stops else ''}"


def _reactions(channel: Channel) -> str:
    incoming = {"all": "yes", "groups": "in groups, as admin"}[channel.reactions.incoming]
    outgoing = channel.reactions.outgoing
    return f"{incoming} / {'yes' if outgoing is None else f'{outgoing} a message' if outgoing else 'no'}"


def _buttons(channel: Channel) -> str:
    buttons = channel.buttons
    many = f"{buttons.max} " if buttons.max else ""
    title = f", title {buttons.title_max}" if buttons.title_max else ""
    return many + buttons.form.replace("_", " ") + title


def _rows(channel: Channel) -> str:
    rows = channel.rows
    if rows is None:
        return "no"
    return f"{rows.max} rows, title {rows.title_max}, description {rows.description_max}" if rows.max else "yes"


def _location(channel: Channel) -> str:
    if not channel.location.native:
        return "as a link"
    return "yes, with a name" if channel.location.named else "yes"


def _first_contact(channel: Channel) -> str:
    return {"free": "yes", "template": "with a template", "never": "no: they write first"}[channel.first_contact]


def _window(channel: Channel) -> str:
    if channel.window is None:
        return "none"
    people = f", {timedelta(hours=channel.window.people_h).days} days for people" if channel.window.people_h else ""
    return f"{channel.window.hours} h{people}"


def _throttles(channel: Channel) -> str:
    return "<br>".join(map(_throttle, channel.throttles)) or "none"


def _throttle(throttle: Throttle) -> str:
    of = "" if throttle.of == "all" else f" of {throttle.of}"
    time = "a second" if throttle.per_s == 1 else f"in {throttle.per_s} s"
    burst = f", {throttle.burst} at once" if throttle.burst else ""
    return f"{throttle.count}{of} {time} for each {throttle.scope}{burst}"


ROWS: Mapping[str, tuple[str, Callable[[Channel], str]]] = {
    "text": ("text", lambda c: _text(c.text)),
    "caption": ("caption", lambda c: _text(c.caption)),
    "highest status": ("status_ceiling", lambda c: c.status_ceiling),
    "statuses reported": ("reports", lambda c: ", ".join(c.reports)),
    "image": ("files", lambda c: _file(c.files.image)),
    "video": ("files", lambda c: _file(c.files.video)),
    "audio": ("files", lambda c: _file(c.files.audio)),
    "other file": ("files", lambda c: _file(c.files.file)),
    "files of theirs": ("files", lambda c: _bytes(c.files.download) if c.files.download else "any"),
    "location": ("location", _location),
    "typing is shown": ("typing", _typing),
    "edit what we sent": ("edit", lambda c: _change(c.edit)),
    "take back what we sent": ("unsend", lambda c: _change(c.unsend)),
    "reactions in / out": ("reactions", _reactions),
    "buttons": ("buttons", _buttons),
    "list": ("rows", _rows),
    "may we write first?": ("first_contact", _first_contact),
    "window after their last": ("window", _window),
    "throttles": ("throttles", _throttles),
}
"""Words → the field of `Channel` and how it is shown."""
