"""The picture itself, an SVG: for each load a bar of the cost, and below it a column for each level of the tree."""

from collections.abc import Iterator, Sequence
from html import escape

from bench.picture.parts import Part, together

WIDTH, MARGIN, GAP = 1000.0, 12.0, 24.0
HEAD, TALL, FOOT = 78.0, 1400.0, 34.0  # TALL is the height of a whole message
LINE = 13.0  # of text, so what is not as high has no name
LEVELS = ((0.0, 0.16), (0.16, 0.25), (0.41, 0.59))  # of a panel: where a column begins and how wide it is
LETTER = 6.1  # the width of one, roughly
HUES = ("#2a9d8f", "#e9a13b", "#7b6cd9", "#d1607d", "#4c8dd6", "#5fa83d", "#c46b3a", "#8b95a1")
STYLE = """
.paper { fill: #ffffff; stroke: #d0d7de }
text { font: 11px ui-sans-serif, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.faint { fill: #59636e }
.process { font-weight: 600 }
rect.part { stroke: #ffffff }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; stroke: #3d444d }
  text { fill: #f0f6fc }
  .faint { fill: #9198a1 }
  rect.part { stroke: #0d1117 }
}
"""


def draw(messages: Sequence[Part], foot: str) -> str:
    """Each message beside the other: as high as each other, so that shares can be compared, and bars to one scale."""
    height = HEAD + TALL + FOOT
    wide = (WIDTH - 2 * MARGIN - GAP * (len(messages) - 1)) / len(messages)
    most = max(message.ms for message in messages)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" role="img">',
            f"<title>{escape('Where the CPU of one message goes: ' + _described(messages))}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1:g}" height="{height - 1:g}" rx="6"/>',
            *(
                line
                for number, message in enumerate(messages)
                for line in _panel(message, MARGIN + number * (wide + GAP), wide, wide * message.ms / most)
            ),
            f'<text class="faint" x="{MARGIN:g}" y="{height - 13:g}">{escape(foot)}</text>',
            "</svg>\n",
        ]
    )


def foot(at: str, commit: str) -> str:
    """What stands below the picture."""
    return (
        f"{at} · commit {commit} · processes and threads by /proc; functions, with what of Python and C they "
        "call, sampled each 4 ms of CPU in runs of their own"
    )


def _panel(message: Part, left: float, wide: float, bar: float) -> Iterator[str]:
    yield f'<text class="title" x="{left:.1f}" y="28">{escape(message.name)}: {message.ms:.2f} ms</text>'
    start = left
    for number, process in enumerate(message.parts):
        long = bar * process.ms / message.ms
        yield _rect(start, 40, long, 14, HUES[number % len(HUES)], 0.9, f"{process.name}: {_words(process.ms)}")
        start += long
    per_ms = TALL / message.ms
    top = HEAD
    for number, process in enumerate(message.parts):
        seen = together(process, LINE / per_ms)
        yield from _column(seen, HUES[number % len(HUES)], left, wide, top, per_ms, 0, message.ms)
        top += process.ms * per_ms


def _column(
    part: Part, hue: str, left: float, wide: float, top: float, per_ms: float, level: int, whole_ms: float
) -> Iterator[str]:
    begin, share = LEVELS[level]
    if level + 1 < len(LEVELS) and not part.parts:
        share = 1 - begin if level else share
    x, width, height = left + begin * wide, share * wide, part.ms * per_ms
    yield _rect(x, top, width, height, hue, (0.75, 0.45, 0.25)[level], f"{part.name}: {_words(part.ms)}")
    yield from _label(part, x, top, width, height, level, whole_ms)
    for one in part.parts if level + 1 < len(LEVELS) else ():
        yield from _column(one, hue, left, wide, top, per_ms, level + 1, whole_ms)
        top += one.ms * per_ms


def _label(part: Part, x: float, top: float, width: float, height: float, level: int, whole_ms: float) -> Iterator[str]:
    if height < LINE - 1:
        return
    cost = _words(part.ms)
    if level == 0 and height > 2.4 * LINE:
        yield _text(part.name, x + 5, top + 14, "process")
        yield _text(cost, x + 5, top + 28)
        yield _text(f"{part.ms / whole_ms:.0%}", x + 5, top + 42) if height > 3.5 * LINE else ""
        return
    room = int((width - 14) / LETTER) - len(cost)
    middle = min(top + height / 2, top + 11) + 4 if height < 2 * LINE else top + 14
    yield _text(_cut(part.name, room), x + 5, middle, "process" if level == 0 else "")
    if level or room > len(part.name):
        yield f'<text x="{x + width - 5:.1f}" y="{middle:.1f}" text-anchor="end">{cost}</text>'


def _cut(words: str, letters: int) -> str:
    return words if len(words) <= letters else words[: max(letters - 1, 1)] + "…"


def _words(ms: float) -> str:
    return f"{ms:.2f} ms" if ms >= 1 else f"{ms * 1000:.0f} µs" if ms >= 0.001 else f"{ms * 1000:.1f} µs"


def _rect(x: float, y: float, width: float, height: float, hue: str, strength: float, words: str) -> str:
    return (
        f'<rect class="part" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{hue}" '
        f'fill-opacity="{strength:g}"><title>{escape(words)}</title></rect>'
    )


def _text(words: str, x: float, y: float, kind: str = "") -> str:
    return f'<text{f" class={chr(34)}{kind}{chr(34)}" if kind else ""} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _described(messages: Sequence[Part]) -> str:
    return "; ".join(
        f"{message.name} {_words(message.ms)} ({', '.join(f'{one.name} {_words(one.ms)}' for one in message.parts)})"
        for message in messages
    )
