"""Writes the documents of the API anew from the code: `make openapi`."""

from deploy.documents.files import documents

for file, text in documents().items():
    file.write_text(text)
