"""A chat on a terminal: the last texts with their ticks above a prompt, older ones in the terminal's own scrollback."""

import asyncio
from collections.abc import Callable
from math import ceil

from prompt_toolkit import print_formatted_text
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth
from prompt_toolkit.widgets import TextArea

from clients.parley.cli.chat.room import Entry, Room
from clients.parley.cli.output import clean, clean_lines
from clients.parley.live import LiveEvent

STYLE = Style.from_dict({"dim": "ansibrightblack", "cyan": "ansicyan", "red": "ansired", "me": "ansigreen"})
LEAST_ROWS = 4
TYPING_S = 5.0


class Screen:
    """Shows a room; `say` and `type` are called for what the person writes."""

    def __init__(self, room: Room, say: Callable[[str], None], type_: Callable[[], None]) -> None:
        self._room = room
        self._say = say
        self._type = type_
        self._recent: list[Entry] = []
        self._notice = ""
        self._fading: asyncio.TimerHandle | None = None
        self._has_overflown = asyncio.Event()
        self._input = TextArea(prompt=f"{room.me}> ", multiline=False, accept_handler=self._accept)
        self._input.buffer.on_text_changed += lambda buffer: self._type() if buffer.text else None
        self._app: Application[None] = Application(
            layout=Layout(
                HSplit(
                    [
                        Window(FormattedTextControl(self._texts), wrap_lines=True, dont_extend_height=True),
                        Window(
                            FormattedTextControl(
                                lambda: [("class:dim", self._notice or clean(self._room.who_is_there()))]
                            ),
                            height=1,
                        ),
                        self._input,
                    ]
                )
            ),
            key_bindings=self._keys(),
            style=STYLE,
        )

    async def run(self) -> None:
        """Until Ctrl-D, or Ctrl-C on an empty line."""
        shortening = asyncio.create_task(self._keep_short())
        try:
            await self._app.run_async()
        finally:
            shortening.cancel()
            await asyncio.gather(shortening, return_exceptions=True)

    def leave(self) -> None:
        if self._app.is_running:
            self._app.exit()

    def new(self, entry: Entry) -> None:
        self._recent.append(entry)
        self._has_overflown.set()
        self._app.invalidate()

    def changed(self, event: LiveEvent | Entry) -> None:
        self._has_overflown.set()
        self._app.invalidate()

    def present(self) -> None:
        self._app.invalidate()

    def typing(self, username: str) -> None:
        self.notice(f"{clean(username)} is typing…", for_s=TYPING_S)

    def notice(self, words: str, *, for_s: float | None = None) -> None:
        self._notice = words
        if self._fading is not None:
            self._fading.cancel()
        self._fading = asyncio.get_running_loop().call_later(for_s, self.notice, "") if for_s else None
        self._app.invalidate()

    def _accept(self, buffer: Buffer) -> bool:
        if text := buffer.text.strip():
            self._say(text)
        return False

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-d")
        def leave(event: KeyPressEvent) -> None:
            if not self._input.text:
                event.app.exit()

        @keys.add("c-c")
        def clear(event: KeyPressEvent) -> None:
            if self._input.text:
                self._input.text = ""
            else:
                event.app.exit()

        return keys

    async def _keep_short(self) -> None:
        """What finds no room above the prompt is printed for good, ticks as they are then."""
        while True:
            await self._has_overflown.wait()
            self._has_overflown.clear()
            if old := self._overflow():
                lines = [self._text(entry) for entry in old]
                await run_in_terminal(lambda lines=lines: _print_all(lines))  # type: ignore[misc]

    def _overflow(self) -> list[Entry]:
        """The oldest beyond half the screen; one on its way stays for its tick as long as the screen has room."""
        size = self._app.output.get_size()
        rows = [self._rows(entry, size.columns) for entry in self._recent]
        over, most = sum(rows) - max(LEAST_ROWS, size.rows // 2), sum(rows) - max(LEAST_ROWS, size.rows - LEAST_ROWS)
        count = 0
        while over > 0 and count < len(rows) - 1 and (most > 0 or not self._room.is_on_its_way(self._recent[count])):
            over, most, count = over - rows[count], most - rows[count], count + 1
        old, self._recent = self._recent[:count], self._recent[count:]
        return old

    def _rows(self, entry: Entry, columns: int) -> int:
        words = "".join(part[1] for part in self._text(entry))
        return sum(max(1, ceil(get_cwidth(line) / max(columns, 1))) for line in words.split("\n"))

    def _texts(self) -> StyleAndTextTuples:
        shown: StyleAndTextTuples = []
        for entry in self._recent:
            shown += [*self._text(entry), ("", "\n")]
        return shown[:-1]

    def _text(self, entry: Entry) -> StyleAndTextTuples:
        head = f"{entry.at.astimezone():%H:%M} "
        sender = clean(entry.sender)
        body = clean_lines(entry.text, " " * (len(head) + len(sender) + 2))
        mark, style = self._room.tick(entry)
        who = "class:me bold" if entry.sender == self._room.me else "bold"
        fault = f" {clean(entry.fault)}" if entry.fault else ""
        return [("class:dim", head), (who, sender), ("", f"  {body} "), (f"class:{style}", mark), ("class:red", fault)]


def _print_all(lines: list[StyleAndTextTuples]) -> None:
    for line in lines:
        print_formatted_text(FormattedText(line), style=STYLE)
