"""Where the platform is: the environment beats the dotenv file that the running stack wrote."""

from collections.abc import Mapping
from pathlib import Path

DEFAULT_GATEWAY = "http://127.0.0.1:8080"
DEFAULT_OPERATORS = "http://127.0.0.1:8203"
DEFAULT_STATE = ".local"


def gateway_url(environment: Mapping[str, str]) -> str:
    """PARLEY_GATEWAY_URL, from the environment or the settings file; else the default port of this machine."""
    return setting("PARLEY_GATEWAY_URL", environment) or DEFAULT_GATEWAY


def operators_url(environment: Mapping[str, str]) -> str:
    """PARLEY_OPERATORS_URL in the same way: the internal port of a router."""
    return setting("PARLEY_OPERATORS_URL", environment) or DEFAULT_OPERATORS


def setting(name: str, environment: Mapping[str, str]) -> str | None:
    """One setting, None where neither the environment nor the settings file has it."""
    return environment.get(name) or read_settings(settings_file(environment)).get(name)


def settings_file(environment: Mapping[str, str]) -> Path:
    """The file named by PARLEY_SETTINGS, else `parley.env` in the state folder."""
    return Path(environment.get("PARLEY_SETTINGS") or state_folder(environment) / "parley.env")


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder of what this machine's stack writes: PARLEY_STATE, else `.local`."""
    return Path(environment.get("PARLEY_STATE") or DEFAULT_STATE)


def read_settings(path: Path) -> dict[str, str]:
    """The NAME=value lines of a dotenv file, quotes taken off; nothing where there is no such file."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.removeprefix("export ").partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}
