"""A call of Messenger or Instagram as it comes over HTTP."""

from typing import Any

from starlette.requests import Request

from connectors.formats.messaging import decode_form
from connectors.simulator.files import Files, Stored
from connectors.simulator.messaging.refusals import not_fetched
from connectors.simulator.meta import forms

MOST_FILE = 26_000_000  # a little more than is taken, so that one can tell that it was too much
BRINGS = forms.Brings("filedata", MOST_FILE, not_fetched, decode_form)


async def receive(request: Request, store: Files) -> tuple[Any, Stored | None]:
    """The body, and the file that came with it. Raises `GraphError`."""
    return await forms.receive(request, store, BRINGS)
