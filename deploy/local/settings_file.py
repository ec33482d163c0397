"""Writes and reads `parley.env`: the settings of one stack, for its services, the command line and the tests."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from deploy.local.places import Places
from deploy.local.ports import Ports

HOST = "127.0.0.1"
PASSWORDS = {
    "s3.access": "",
    "s3.secret": "",
    "telegram.token": "700000001:",
    "telegram.webhook": "",
    "installation": "",
    **{
        f"{platform}.{what}": ""
        for platform in ("whatsapp", "messenger", "instagram")
        for what in ("token", "app", "verify")
    },
}
"""Secrets that are words; what each of them begins with: a bot's token names the bot."""
WHATSAPP_NUMBER = "3000000000000001"
"""Meta's id of the number that the local stack has on its simulator."""
ON_META = {
    "messenger": ("PAGE_ID", "1000000000000001", "2000000000000001"),
    "instagram": ("INSTAGRAM_ID", "17841400000000001", "2000000000000002"),
}
"""Platform → the setting that names the account, the account's id, its app's."""
PRIVATE = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""Where webhooks may lead on a machine for development."""


def settings(places: Places, ports: Ports) -> dict[str, str]:
    secrets = {name: (places.secrets / name).read_text() for name in PASSWORDS}
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
        "PARLEY_WEBHOOKS_URL": f"http://{HOST}:{ports['webhooks']}",
        "PARLEY_OPERATORS_URL": f"http://{HOST}:{ports['router']}",
        "PARLEY_PRESENCE_PORT": str(ports["presence"]),
        "PARLEY_PRESENCE_WS_PORT": str(ports["presence websocket"]),
        "PARLEY_FILES_PORT": str(ports["files"]),
        "PARLEY_FILES_INTERNAL_PORT": str(ports["files internal"]),
        "PARLEY_FILES_INTERNAL_URL": f"http://{HOST}:{ports['files internal']}",
        "PARLEY_INSTALLATION_SECRET": secrets["installation"],
        "PARLEY_SIMULATOR_PORT": str(ports["simulator"]),
        "PARLEY_SIMULATOR_URL": f"http://{HOST}:{ports['simulator']}",
        "PARLEY_SIMULATOR_MEMORY_FILE": str(places.data / "simulator.json"),
        "PARLEY_WEBHOOKS_PORT": str(ports["webhooks"]),
        "PARLEY_WEBHOOKS_HTTP": "true",
        "PARLEY_WEBHOOKS_NETWORKS": json.dumps(PRIVATE),
        "PARLEY_INBOX_USER": "inbox",
        "PARLEY_PUBLIC_URL": f"http://{HOST}:{ports['gateway http']}",
        "PARLEY_KEYS": str(places.secrets / "keys"),
        "PARLEY_GATEWAY_URL": f"http://{HOST}:{ports['gateway http']}",
        "PARLEY_GATEWAY_TLS_URL": f"https://localhost:{ports['gateway https']}",
        "PARLEY_S3_URL": f"http://{HOST}:{ports['s3']}",
        "PARLEY_S3_ACCESS_KEY": secrets["s3.access"],
        "PARLEY_S3_SECRET_KEY": secrets["s3.secret"],
        **(_told(os.environ) or _simulated(secrets, ports)),
        "PARLEY_SIMULATOR_TELEGRAM_TOKENS": f'["{secrets["telegram.token"]}"]',
        "PARLEY_SIMULATOR_WHATSAPP_NUMBERS": json.dumps(
            [{"id": WHATSAPP_NUMBER, "token": secrets["whatsapp.token"], "app_secret": secrets["whatsapp.app"]}]
        ),
        **{f"PARLEY_SIMULATOR_{name.upper()}_ACCOUNTS": _account_there(secrets, name) for name in ON_META},
    }


def _told(environment: Mapping[str, str]) -> dict[str, str]:
    """Accounts that whoever starts the stack has exported: they take the place of the simulated one."""
    return {name: value for name, value in environment.items() if name.startswith("PARLEY_CHANNELS__")}


def _simulated(secrets: Mapping[str, str], ports: Ports) -> dict[str, str]:
    return {
        "PARLEY_CHANNELS__TELEGRAM__MAIN__TOKEN": secrets["telegram.token"],
        "PARLEY_CHANNELS__TELEGRAM__MAIN__WEBHOOK_SECRET": secrets["telegram.webhook"],
        "PARLEY_CHANNELS__TELEGRAM__MAIN__BASE_URL": f"http://{HOST}:{ports['simulator']}",
        "PARLEY_CHANNELS__WHATSAPP__MAIN__ACCESS_TOKEN": secrets["whatsapp.token"],
        "PARLEY_CHANNELS__WHATSAPP__MAIN__APP_SECRET": secrets["whatsapp.app"],
        "PARLEY_CHANNELS__WHATSAPP__MAIN__VERIFY_TOKEN": secrets["whatsapp.verify"],
        "PARLEY_CHANNELS__WHATSAPP__MAIN__PHONE_NUMBER_ID": WHATSAPP_NUMBER,
        "PARLEY_CHANNELS__WHATSAPP__MAIN__BASE_URL": f"http://{HOST}:{ports['simulator']}/whatsapp",
        **{name: value for platform in ON_META for name, value in _on_meta(secrets, ports, platform).items()},
    }


def _on_meta(secrets: Mapping[str, str], ports: Ports, platform: str) -> dict[str, str]:
    setting, account, app = ON_META[platform]
    given = {
        "ACCESS_TOKEN": secrets[f"{platform}.token"],
        "APP_SECRET": secrets[f"{platform}.app"],
        "VERIFY_TOKEN": secrets[f"{platform}.verify"],
        "APP_ID": app,
        setting: account,
        "BASE_URL": f"http://{HOST}:{ports['simulator']}/{platform}",
    }
    return {f"PARLEY_CHANNELS__{platform.upper()}__MAIN__{name}": value for name, value in given.items()}


def _account_there(secrets: Mapping[str, str], platform: str) -> str:
    """The same account as the simulator knows it, as a JSON list."""
    _, account, app = ON_META[platform]
    known = {"token": secrets[f"{platform}.token"], "app_secret": secrets[f"{platform}.app"]}
    return json.dumps([{"id": account, "app_id": app, **known}])


def render(values: dict[str, str]) -> str:
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'


def read(path: Path) -> dict[str, str]:
    """Empty where there is no such file."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name.strip(): _plain(value.strip()) for name, _, value in pairs}


def _plain(value: str) -> str:
    return value[1:-1] if value[:1] in ("'", '"') else value


def environment(places: Places) -> dict[str, str]:
    """For processes of this stack: what somebody has exported for another stack must not beat its settings."""
    ours = {*read(places.settings), "PARLEY_SETTINGS", "PYTHONPATH", "PYTHONHOME"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PARLEY_SETTINGS": str(places.settings)}
