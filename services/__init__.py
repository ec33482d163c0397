"""The services. What is named here none of them uses, and libraries can do without: up to 6 MiB of each process."""

import sys

UNUSED = (
    "httpx._main",  # a command line, with rich and pygments
    "opentelemetry.sdk.metrics",  # what redis would count by it
    "pydantic.v1",  # models that FastAPI refuses
)
for name in UNUSED:
    sys.modules[name] = None  # type: ignore[assignment]  # as Python says that a module cannot be imported
