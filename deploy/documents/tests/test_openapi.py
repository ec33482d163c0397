"""The OpenAPI document is one, and tells every operation apart."""

import json
import re

import schemathesis

from deploy.documents.files import FOLDER

DOCUMENT = json.loads((FOLDER / "openapi.json").read_text())


def test_it_is_an_openapi_document() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [shown["operationId"] for methods in DOCUMENT["paths"].values() for shown in methods.values()]
    assert len(set(names)) == len(names)


def test_it_asks_for_a_token_everywhere_but_at_the_door() -> None:
    paths = DOCUMENT["paths"]
    public = {path for path, methods in paths.items() for shown in methods.values() if shown.get("security") == []}
    assert public == {
        *("/v1/auth/register", "/v1/auth/token", "/v1/auth/revoke", "/.well-known/jwks.json"),
        *("/health/live", "/health/ready"),
        "/v1/channels/{channel}/{account}/webhook",
    }


def test_whatever_it_points_at_is_there() -> None:
    """Two types of one name get longer names, and what points at the short one points at nothing."""
    pointed = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert pointed <= DOCUMENT["components"]["schemas"].keys()
