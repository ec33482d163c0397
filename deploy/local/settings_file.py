"""Writes and reads `parley.env`: the settings of one stack, for its services, the command line and the tests."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.local.places import Places
from deploy.local.ports import Ports

HOST = "127.0.0.1"


def settings(places: Places, ports: Ports) -> dict[str, str]:
    return {
        "PARLEY_BASE": str(ports.base),
        "PARLEY_HOST": HOST,
        "PARLEY_KAFKA": f"{HOST}:{ports['kafka']}",
        "PARLEY_MONGO": f"mongodb://{HOST}:{ports['mongo']}/?replicaSet=rs0",
        "PARLEY_MONGO_DATABASE": "parley",
        "PARLEY_REDIS": f"redis://{HOST}:{ports['redis']}/0",
        "PARLEY_ETCD": f"{HOST}:{ports['etcd']}",
        "PARLEY_AUTH_URL": f"http://{HOST}:{ports['auth']}",
        "PARLEY_AUTH_PORT": str(ports["auth"]),
        "PARLEY_FRONTEND_PORT": str(ports["frontend"]),
        "PARLEY_ROUTER_PORT": str(ports["router"]),
        "PARLEY_PRESENCE_PORT": str(ports["presence"]),
        "PARLEY_PRESENCE_WS_PORT": str(ports["presence websocket"]),
        "PARLEY_KEYS": str(places.secrets / "keys"),
        "PARLEY_GATEWAY_URL": f"http://{HOST}:{ports['gateway http']}",
        "PARLEY_GATEWAY_TLS_URL": f"https://localhost:{ports['gateway https']}",
        "PARLEY_S3_URL": f"http://{HOST}:{ports['s3']}",
        "PARLEY_S3_ACCESS_KEY": (places.secrets / "s3.access").read_text(),
        "PARLEY_S3_SECRET_KEY": (places.secrets / "s3.secret").read_text(),
    }


def render(values: dict[str, str]) -> str:
    return "".join(f'{name}="{value}"\n' for name, value in values.items())


def read(path: Path) -> dict[str, str]:
    """Empty where there is no such file."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def environment(places: Places) -> dict[str, str]:
    """For processes of this stack: what somebody has exported for another stack must not beat its settings."""
    ours = {*read(places.settings), "PARLEY_SETTINGS", "PYTHONPATH", "PYTHONHOME"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PARLEY_SETTINGS": str(places.settings)}
