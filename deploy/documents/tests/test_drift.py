"""The committed documents say what the code says."""

from pathlib import Path

import pytest

from deploy.documents.files import documents

DOCUMENTS = documents()


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_a_document_is_as_the_code_would_write_it_now(file: Path) -> None:
    assert file.read_text() == DOCUMENTS[file], "run `make openapi`"
