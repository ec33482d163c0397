"""Where the documents of the API stand, and what they say now."""

import json
import tomllib
from pathlib import Path

from deploy.documents import openapi
from deploy.documents.services import all_routes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "api"


def documents() -> dict[Path, str]:
    """File → its text, made from the code."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {FOLDER / "openapi.json": json.dumps(openapi.document(all_routes(), version), indent=1) + "\n"}
