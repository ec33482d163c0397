"""Where the documents that are made from the code stand, and what they say now."""

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from connectors.capabilities import EVERY_CHANNEL
from deploy.documents import asyncapi, channels, openapi
from deploy.documents.services import INTERNAL, all_routes
from libs.common import schema

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "api"
OPERATORS = ROOT / "docs" / "operating" / "operators.json"


def documents() -> dict[Path, str]:
    """File → its text, made from the code."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {
        FOLDER / "openapi.json": json.dumps(openapi.document(all_routes(), version), indent=1) + "\n",
        OPERATORS: json.dumps(openapi.document(all_routes(INTERNAL), version, openapi.INTERNAL), indent=1) + "\n",
        FOLDER / "asyncapi.yaml": _yaml(
            asyncapi.document(version, schema.topics(accounts=[("{channel}", "{account}")]))
        ),
        ROOT / "docs" / "channels.md": channels.page(EVERY_CHANNEL),
    }


class _Dumper(yaml.SafeDumper):
    """Writes everything out where it stands, and texts of several lines as such."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
