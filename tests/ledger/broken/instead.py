"""Puts something broken in the place of a part of the product."""

from importlib import import_module


def put(module: str, **parts: object) -> None:
    """Under these names, which the module has to know already: a part that has moved must not stay whole unnoticed."""
    known = vars(import_module(module))
    for name, part in parts.items():
        assert name in known, f"{module} knows no {name}"
        known[name] = part
