"""`python -m connectors.simulator`: platforms on this machine, for as long as it runs."""

import argparse
import asyncio
import logging
import signal
import sys

import uvloop

from connectors.simulator.app import simulator
from connectors.simulator.settings import Settings


def main() -> None:
    settings = Settings.load()
    parser = argparse.ArgumentParser(prog="python -m connectors.simulator", description=__doc__)
    parser.add_argument("--host", default=settings.host)
    parser.add_argument("--port", type=int, default=settings.port, help="0 takes a free one; default %(default)s")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    uvloop.run(serve(settings.model_copy(update={"host": chosen.host, "port": chosen.port})))


async def serve(settings: Settings) -> None:
    """Until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with simulator(settings) as door:
        sys.stdout.write(f"platforms are simulated at {door.url}; what people do there: {door.url}/_sim/openapi.json\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
