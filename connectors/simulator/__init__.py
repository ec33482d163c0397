"""Platforms, simulated. What is named here it does not use, and libraries can do without: 5 MiB."""

import sys

UNUSED = ("httpx._main", "pydantic.v1")  # a command line, with rich and pygments; models that FastAPI refuses
for name in UNUSED:
    sys.modules[name] = None  # type: ignore[assignment]  # as Python says that a module cannot be imported
