"""Writes the documents that are made from the code anew: `make openapi`."""

from deploy.documents.files import documents

for file, text in documents().items():
    file.write_text(text)
