"""The form of cases and where they stand: `connectors/<channel>/cases/{account,outbound,errors,webhook}.json`."""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.json import decode

from connectors.sdk import Outbound, OutboundFile

HERE = Path(__file__).parents[1]
Source = Annotated[str, Meta(pattern=r"^https://[^ ]+$")]
FAILURES_AT_LEAST = 3  # of this many cases one is of an error or of a webhook


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """A request that the connector must make; `path` is the end of one that begins with the account's `prefix`.

    `form`: the fields of a multipart form, files as `{filename, content_type, size}`.
    """

    path: str
    method: str = "POST"
    json: Any = UNSET
    form: dict[str, Any] | UnsetType = UNSET
    prefix: str | None = None


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """`then`: what the platform does in place of answering."""

    status: int = 200
    json: Any = UNSET
    text: str = ""
    headers: dict[str, str] = {}
    then: Literal["answer", "hang up", "stay silent"] = "answer"


class Exchange(Struct, frozen=True, forbid_unknown_fields=True):
    request: Asked
    reply: Reply


class Action(Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of the contract's calls; `content` are the bytes of a file, as text."""

    connect: str | None = None
    send_message: Outbound | None = None
    send_file: OutboundFile | None = None
    content: str = ""
    open_file: str | None = None
    answer_press: str | None = None
    disconnect: bool = False


class CallCase(Struct, frozen=True, forbid_unknown_fields=True):
    """`settings` beat those of the account."""

    case: str
    source: Source
    do: Action
    exchanges: list[Exchange]
    outcome: dict[str, Any]
    settings: dict[str, Any] = {}


class WebhookCase(Struct, frozen=True, forbid_unknown_fields=True):
    """`body` is sent as JSON, `text` as it stands; without `headers` it comes with the account's `webhook_headers`.

    `answer` is what a handshake hears. `events` are those of all updates. `raised` names the failure, by `receive`
    where `updates` are none.
    """

    case: str
    source: Source
    body: Any = UNSET
    text: str = ""
    method: str = "POST"
    headers: dict[str, str] | None = None
    query: dict[str, str] = {}
    updates: list[dict[str, str]] = []
    events: list[dict[str, Any]] = []
    answer: str | None = None
    raised: Literal["Forged", "Unreadable"] | None = None


class Examinee(Struct, frozen=True, forbid_unknown_fields=True):
    """The account that sits the exam; `base_url` is the server's. `secrets` must not come up in any failure."""

    settings: dict[str, Any]
    prefix: str
    secrets: list[str]
    webhook_headers: dict[str, str] = {}


class Cases(NamedTuple):
    examinee: Examinee
    outbound: list[CallCase]
    errors: list[CallCase]
    webhook: list[WebhookCase]


class Case(NamedTuple):
    channel: str
    examinee: Examinee
    kind: str
    case: CallCase | WebhookCase

    def __str__(self) -> str:
        return f"{self.channel}-{self.kind}-{self.case.case}"


def read_cases(channel: str, root: Path = HERE) -> Cases:
    """Raises msgspec's `ValidationError` where a case has not the form."""
    folder = root / channel / "cases"
    return Cases(
        decode((folder / "account.json").read_bytes(), type=Examinee),
        decode((folder / "outbound.json").read_bytes(), type=list[CallCase]),
        decode((folder / "errors.json").read_bytes(), type=list[CallCase]),
        decode((folder / "webhook.json").read_bytes(), type=list[WebhookCase]),
    )


def too_few_of_failures(cases: Cases) -> str | None:
    """A channel that is tried mostly in fair weather is not tried; an error is a case in which something is raised."""
    raised = sum("raised" in case.outcome for case in (*cases.outbound, *cases.errors))
    failures, total = raised + len(cases.webhook), len(cases.outbound) + len(cases.errors) + len(cases.webhook)
    if failures * FAILURES_AT_LEAST >= total and failures:
        return None
    return f"{failures} of {total} cases are errors or webhooks: at least one of {FAILURES_AT_LEAST} must be"
