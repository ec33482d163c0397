"""How every process of ours lives: logs, event loop, SIGTERM, and tasks that end the process when they fail."""

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvloop

from libs.common import tracing
from libs.common.sampling import Sampler
from libs.common.settings import CommonSettings
from libs.common.telemetry import configure_logs

VERSION = "0.1.0"

log = logging.getLogger(__name__)


def run(service: str, settings: CommonSettings, main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Runs `main(stop)` until it returns; SIGTERM and SIGINT set `stop`, and `main` drains what it holds."""
    configure_logs(service, settings.log_level)
    with _traces(service, settings):
        uvloop.run(_until_stopped(service, main))


@contextmanager
def _traces(service: str, settings: CommonSettings) -> Iterator[None]:
    """Recorded only where there is a receiver; else the SDK's tracing is not even loaded."""
    if not settings.otlp_url:
        yield
        return
    from libs.common import otlp

    with (
        otlp.outbox(settings.otlp_url, service, VERSION) as outbox,
        tracing.recording(outbox.take, Sampler(settings.trace_ratio)),
    ):
        log.info("%g of all traces are recorded and go to %s", settings.trace_ratio, settings.otlp_url)
        yield


async def _until_stopped(service: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # What start-up made lives as long as the process: collecting it again and again costs the hot path.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    log.info("%s starts", service)
    await main(stop)
    log.info("%s has stopped", service)


async def wait_for(what: str, attempt: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Tries until it works, saying what it waits for; returns early when the process is told to stop."""
    delay_s = 0.2
    while not stop.is_set():
        try:
            async with asyncio.timeout(10):
                await attempt()
            return
        except Exception as error:
            log.warning("waiting for %s: %s", what, str(error) or type(error).__name__)
        try:
            async with asyncio.timeout(delay_s):
                await stop.wait()
        except TimeoutError:
            delay_s = min(delay_s * 2, 3.0)
