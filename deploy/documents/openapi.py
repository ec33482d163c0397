"""The OpenAPI document: one of all services, written from their routes and what is declared beside them."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from deploy.documents import webhooks
from deploy.documents.schemas import REFERENCE, schemas_of
from deploy.documents.services import Route
from libs.common.accept import SaidPayload
from libs.common.openapi import JSON, Answer, Operation, ProblemDocument
from libs.common.problems import title_of

PROBLEM = "application/problem+json"
TAGS = {
    "Accounts": "Who somebody is, and how they are reached elsewhere.",
    "Tokens": "Log in, go on, log out; the keys that verify tokens.",
    "Conversations": "Between two, or among up to 256.",
    "Messages": "Sending, history and what became of a message.",
    "Presence": "Who is there.",
    "Files": "Uploaded and downloaded past the services, verified before anybody else may have them.",
    "Channels": "What channels can do, and what platforms tell us.",
    "Operators": "What operators see, replay and drop.",
    webhooks.TAG: "What third parties are told, signed as Standard Webhooks has it.",
    "Health": "For those who operate it.",
}
DESCRIPTION = """\
Errors are problems (RFC 9457) with a stable `code`. Times are UTC with milliseconds. **202 means durable.** A
`message_id` of your own makes every retry safe. New fields may come: ignore what you do not know.

To try it here: register, get a token, and give its `access_token` to *Authorize*. The chat socket and the events are in
[/asyncapi.yaml](/asyncapi.yaml).
"""
WORDS = {
    400: "The request cannot be read.",
    401: "No valid access token.",
    404: "Not there, or not yours.",
    409: "In conflict with what is there.",
    413: "The body is too large.",
    415: "The body has another media type.",
    422: "A field is not as it must be: `errors` says which.",
    503: "A dependency is away: nothing is promised, try again. With the same `message_id` that is safe.",
}
HEADERS = {
    "X-Request-Id": ("Names the request in logs: the client's own, or a new one.", {"type": "string"}),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 0}),
    "WWW-Authenticate": ("How to authenticate.", {"const": "Bearer"}),
}
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "From `POST /v1/auth/token`."}


class About(NamedTuple):
    """What a document says of itself."""

    title: str
    description: str
    server: Mapping[str, str]


PUBLIC = About("Parley", DESCRIPTION, {"url": "/", "description": "The gateway that serves this document."})
INTERNAL = About(
    "Parley, for its operators",
    """\
**Internal**: on the router's own port, which no gateway leads to, and for the role `operator` alone
(`parley operators grant USER`). The token is that of a log-in at the gateway, `POST /v1/auth/token`.
Errors are problems (RFC 9457) with a stable `code`.
""",
    {"url": "http://127.0.0.1:8203", "description": "A router in development."},
)


def document(routes: Sequence[Route], version: str, about: About = PUBLIC) -> dict[str, Any]:
    shapes = Shapes(route.operation for route in routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, shapes)
    used = {route.operation.tag for route in routes}
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": version, "description": about.description},
        "servers": [about.server],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items() if name in used],
        "paths": paths,
        **({"webhooks": webhooks.for_openapi()} if webhooks.TAG in used else {}),
        "components": {
            "securitySchemes": {"bearer": BEARER},
            "headers": {name: {"description": words, "schema": schema} for name, (words, schema) in HEADERS.items()},
            "schemas": shapes.components,
        },
    }


class Shapes:
    """The schemas of everything that goes in or out, by type."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        kinds: list[Any] = [ProblemDocument, *get_args(SaidPayload)]
        for operation in operations:
            kinds += webhooks.KINDS if operation.tag == webhooks.TAG else ()
            kinds += _one_by_one([operation.body, *(_answer(shape).shape for shape in operation.answers.values())])
        kinds = list(dict.fromkeys(kinds))
        models = [kind for kind in kinds if _is_model(kind)]
        structs = [kind for kind in kinds if not _is_model(kind)]
        schemas, self.components = schemas_of(structs)
        self._of = dict(zip(structs, schemas, strict=True))
        for model in models:
            schema = model.model_json_schema(ref_template=REFERENCE.replace("name", "model"))
            self.components |= schema.pop("$defs", {})
            self.components[model.__name__] = schema
            self._of[model] = {"$ref": REFERENCE.format(name=model.__name__)}
        self.components = dict(sorted(self.components.items()))

    def of(self, kind: Any) -> dict[str, Any]:
        if isinstance(kind, tuple):
            return {"anyOf": [self._of[one] for one in kind]}
        schema: dict[str, Any] = self._of[kind]
        return schema


def _one_by_one(kinds: Iterable[Any]) -> list[Any]:
    several = [kind if isinstance(kind, tuple) else (kind,) for kind in kinds]
    return [kind for some in several for kind in some if kind is not None]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _answer(declared: Any) -> Answer:
    return declared if isinstance(declared, Answer) else Answer(declared)


def _operation(route: Route, shapes: Shapes) -> dict[str, Any]:
    operation = route.operation
    shown: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "operationId": route.name,
        "parameters": route.parameters,
        "requestBody": _body(operation, shapes),
        "responses": _responses(route, shapes),
    }
    shown = {name: value for name, value in shown.items() if value}
    return shown | ({"security": []} if operation.public else {})


def _body(operation: Operation, shapes: Shapes) -> dict[str, Any] | None:
    if operation.body is None:
        return None
    content: dict[str, Any] = {"schema": shapes.of(operation.body)}
    if operation.examples:
        content["examples"] = {name: {"value": value} for name, value in operation.examples.items()}
    return {"required": True, "content": dict.fromkeys(operation.takes, content)}


def _responses(route: Route, shapes: Shapes) -> dict[str, Any]:
    answers = {status: _success(status, _answer(a), shapes) for status, a in route.operation.answers.items()}
    problems = {status: _problem(status, codes) for status, codes in _codes(route).items() if status not in answers}
    return {str(status): shown for status, shown in sorted((answers | problems).items())}


def _success(status: int, answer: Answer, shapes: Shapes) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": answer.description or HTTPStatus(status).phrase + "."}
    shown["headers"] = _headers("X-Request-Id") | {
        name: {"description": words, "schema": {"type": "string"}} for name, words in answer.headers.items()
    }
    if answer.shape is not None:
        shown["content"] = {JSON: {"schema": shapes.of(answer.shape)}}
    return shown


def _codes(route: Route) -> Mapping[int, Sequence[str]]:
    """Status → codes: those of every route, and the route's own. 503 names its dependency: its codes are open."""
    operation = route.operation
    codes: dict[int, Sequence[str]] = {400: ("malformed", "bad_request"), 503: ()}
    if not operation.public:
        codes[401] = ("unauthenticated",)
    if operation.body is not None:
        codes |= {413: ("too_large",), 415: ("unsupported_media_type",)}
    if operation.body is not None or any(p["in"] == "query" for p in route.parameters):
        codes[422] = ("invalid_field",)
    if any(p["in"] == "path" for p in route.parameters):
        codes[404] = ("not_found",)
    for status, own in operation.problems.items():
        codes[status] = (*codes.get(status, ()), *own)
    return codes


def _problem(status: int, codes: Sequence[str]) -> dict[str, Any]:
    names = [
        "X-Request-Id",
        *(["WWW-Authenticate"] if status == 401 else []),
        *(["Retry-After"] if status in (429, 503) else []),
    ]
    schema: dict[str, Any] = {"$ref": REFERENCE.format(name="ProblemDocument")}
    if codes:
        schema = {"allOf": [schema, {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}}]}
    words = WORDS.get(status, title_of(status) + ".")
    return {"description": words, "headers": _headers(*names), "content": {PROBLEM: {"schema": schema}}}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
