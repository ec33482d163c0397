"""The page that shows the API is made of files that we can name."""

import hashlib
import json

from deploy.documents.files import FOLDER

FOREIGN = FOLDER / "swagger-ui"


def test_the_foreign_files_are_as_they_came() -> None:
    lines = (line.split() for line in (FOREIGN / "SHA256SUMS").read_text().splitlines())
    noted = {name: checksum for checksum, name in lines}
    here = {file.name: file for file in FOREIGN.iterdir() if file.name not in ("README.md", "SHA256SUMS")}
    assert {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in here.items()} == noted


def test_the_page_names_no_other_host() -> None:
    own = [FOLDER / name for name in ("index.html", "page.css", "page.js")]
    assert [file.name for file in own if "//" in file.read_text().replace("\n// ", "").removeprefix("// ")] == []


def test_the_document_asks_for_a_token_everywhere_but_at_the_door() -> None:
    paths = json.loads((FOLDER / "openapi.json").read_text())["paths"]
    public = {path for path, methods in paths.items() for shown in methods.values() if shown.get("security") == []}
    assert public == {
        *("/v1/auth/register", "/v1/auth/token", "/v1/auth/revoke", "/.well-known/jwks.json"),
        *("/health/live", "/health/ready"),
    }
