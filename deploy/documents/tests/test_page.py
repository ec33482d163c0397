"""The page that shows the API is made of files that we can name."""

import hashlib

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
