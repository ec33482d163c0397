"""The Graph API's errors (https://developers.facebook.com/docs/graph-api/guides/error-handling)."""

import secrets
from typing import Any


class GraphError(Exception):
    """An answer with an `error`; `more` stands in it as well, such as `error_subcode`, `is_transient`, `error_data`."""

    def __init__(self, status: int, code: int, message: str, kind: str = "OAuthException", **more: Any) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.more = more

    def as_json(self) -> dict[str, Any]:
        error = {"message": self.message, "type": self.kind, "code": self.code, **self.more}
        return {"error": {**error, "fbtrace_id": f"A{secrets.token_urlsafe(16)}"}}


def bad_token() -> GraphError:
    return GraphError(401, 190, "Invalid OAuth access token - Cannot parse access token")


def no_token() -> GraphError:
    words = "An access token is required to request this resource."
    return GraphError(401, 104, words)


def no_such_object(method: str, node: str) -> GraphError:
    words = (
        f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphError(400, 100, words, "GraphMethodException", error_subcode=33)


def no_handshake(why: str) -> GraphError:
    words = f"(#2200) Callback verification failed with the following errors: {why}"
    return GraphError(400, 2200, words)


def too_many_calls() -> GraphError:
    return GraphError(400, 4, "(#4) Application request limit reached", error_subcode=2446079, is_transient=True)
