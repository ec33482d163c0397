"""A real browser, as a person uses it: Chromium without a window, told by its own protocol over a pipe.

A page is driven by the mouse and the keyboard, waited for by what it shows, and seen by screenshots.
"""

import asyncio
import base64
import fcntl
import json
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from deploy.local.fetch import chromium, everything
from deploy.local.places import Places

Json = dict[str, Any]

PATIENCE_S = 60.0
LONGEST = 64 * 1024**2  # of a screenshot, in base64
FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-extensions", "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb"),
)
# The protocol is spoken on the handles 3 and 4 of the browser.
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), " ": (32, " "), "ArrowDown": (40, "")}


@dataclass
class Browser:
    """`call` and events of all pages share one line; each has its session."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pages: dict[str, "Page"] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _waiting: dict[int, "asyncio.Future[Json]"] = field(default_factory=dict)

    async def page(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> "Page":
        """A new one, as somebody else's: it shares nothing with the others."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = await self.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        page = self.pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", size)
        await page.paint(dark=dark)
        return page

    async def call(self, method: str, params: Json | None = None, session: str | None = None) -> Json:
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": params or {}, **({"sessionId": session} if session else {})}
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self.writer.write(json.dumps(said).encode() + b"\0")
        async with asyncio.timeout(PATIENCE_S):
            return await answer

    async def listen(self) -> None:
        """Until the browser is gone."""
        while True:
            try:
                told = json.loads((await self.reader.readuntil(b"\0"))[:-1])
            except asyncio.IncompleteReadError:
                return
            if waiting := self._waiting.pop(told.get("id", 0), None):
                if "error" in told:
                    waiting.set_exception(RuntimeError(told["error"]["message"]))
                else:
                    waiting.set_result(told["result"])
            elif page := self.pages.get(told.get("sessionId", "")):
                page.heard(told["method"], told["params"])


@dataclass
class Page:
    """`complaints` are errors and warnings of the page: of its scripts, its requests and its content policy."""

    browser: Browser
    session: str
    complaints: list[str] = field(default_factory=list)

    @property
    def real_complaints(self) -> list[str]:
        """Without those of a server that asked for patience."""
        return [words for words in self.complaints if "status of 503" not in words]

    async def call(self, method: str, params: Json | None = None) -> Json:
        return await self.browser.call(method, params, self.session)

    def heard(self, event: str, params: Json) -> None:
        if event == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", {"url": url})
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def ask(self, expression: str) -> Any:
        """Its value, as JSON has it. Raises `RuntimeError` for what throws."""
        said = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = await self.call("Runtime.evaluate", said)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"].get("exception", {}).get("description")))
        return answer["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Waits until it is true, and returns it; of an element that it is there."""
        asked = f"(async () => {{ const found = await ({expression}); return found instanceof Node || found; }})()"
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    with suppress(RuntimeError):  # the page is another one meanwhile
                        if value := await self.ask(asked):
                            return value
                    await asyncio.sleep(0.05)
        except TimeoutError:
            shown = await self.ask("document.body.innerText")
            raise AssertionError(f"{expression} does not come true; {self.complaints}; shown: {shown}") from None

    async def shows(self, words: str) -> None:
        await self.until(f"document.body.innerText.includes({json.dumps(words)})")

    async def click(self, selector: str, *, beside: str | None = None) -> None:
        """With the mouse, in its middle, once it is there and can be reached; `beside` gets the focus first."""
        found, focused = json.dumps(selector), json.dumps(beside)
        x, y = await self.until(
            f"""(() => {{
              if ({focused}) document.querySelector({focused})?.focus();
              const one = document.querySelector({found});
              if (!one || one.disabled) return null;
              one.scrollIntoView({{block: "center"}});
              const box = one.getBoundingClientRect();
              const at = [box.x + box.width / 2, box.y + box.height / 2];
              const hit = document.elementFromPoint(...at);
              return box.width && hit && (one.contains(hit) || hit.contains(one)) ? at : null;
            }})()"""
        )
        where = {"x": x, "y": y, "button": "left", "clickCount": 1}
        both = [{"type": kind, **where} for kind in ("mousePressed", "mouseReleased")]
        await asyncio.gather(*(self.call("Input.dispatchMouseEvent", said) for said in both))  # what it is on may go

    async def write(self, text: str) -> None:
        """Into what has the focus."""
        await self.call("Input.insertText", {"text": text})

    async def fill(self, selector: str, text: str) -> None:
        """In place of what stands there."""
        await self.click(selector)
        await self.ask("document.activeElement.select?.()")
        await self.write(text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        code, text = KEYS[key]
        said = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        await self.call("Input.dispatchKeyEvent", {"type": "keyDown" if text else "rawKeyDown", "text": text, **said})
        await self.call("Input.dispatchKeyEvent", {"type": "keyUp", **said})

    async def paint(self, *, dark: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", {"features": [scheme]})

    async def screenshot(self, file: Path) -> None:
        """A PNG of what is in view."""
        taken = await self.call("Page.captureScreenshot", {"format": "png"})
        file.write_bytes(base64.b64decode(taken["data"]))


@asynccontextmanager
async def browser(places: Places) -> AsyncIterator[Browser]:
    """Until the block ends; nothing of it is kept."""
    everything.fetch(places, (everything.CHROMIUM,))
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        process, reader, writer = await _start(places, folder)
        made = Browser(reader, writer)
        listening = asyncio.create_task(made.listen())
        try:
            yield made
        finally:
            await _end(made, process)
            writer.close()
            await listening


async def _start(places: Places, folder: str) -> tuple[Process, asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    theirs = [fcntl.fcntl(handle, fcntl.F_DUPFD, 10) for handle in (theirs_in, theirs_out)]
    command = (str(chromium.program(places)), *FLAGS, f"--user-data-dir={folder}", "about:blank")
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", START, *map(str, theirs), *command),
            pass_fds=theirs,
            env={**os.environ, **chromium.environment(places), "HOME": folder},
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
    finally:
        for handle in (*theirs, theirs_in, theirs_out):
            os.close(handle)
    reader = asyncio.StreamReader(limit=LONGEST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_in, "rb"))
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(), os.fdopen(ours_out, "wb")
    )
    return process, reader, asyncio.StreamWriter(transport, protocol, None, loop)


async def _end(made: Browser, process: Process) -> None:
    with suppress(RuntimeError, TimeoutError, OSError):
        await made.call("Browser.close")
    try:
        async with asyncio.timeout(60):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
