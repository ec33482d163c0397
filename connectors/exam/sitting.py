"""One case played: what the connector did beside what the case says, and every way in which they differ."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from msgspec import UNSET, to_builtins

from connectors.catalogue import Built
from connectors.exam.cases import Action, Asked, CallCase, Case, Examinee, WebhookCase
from connectors.exam.formats import Format
from connectors.exam.platform import Seen, platform
from connectors.formats.shapes import Upload
from connectors.sdk import (
    AnswersPresses,
    Connector,
    Forged,
    Inbound,
    Refused,
    Throttled,
    Unreachable,
    Unreadable,
    WebhookRequest,
    WithHandshake,
)

PIECE = 3  # bytes: so that the content of a case comes in several


async def sit(case: Case, built: Built, form: Format) -> list[str]:
    """What is wrong, in words; nothing where the case is passed."""
    async with httpx.AsyncClient(trust_env=False) as http:
        if isinstance(case.case, WebhookCase):
            return _hear(_connector(case.examinee, built, http, {}), case.case, case.examinee, form)
        async with platform([exchange.reply for exchange in case.case.exchanges]) as server:
            own = {**case.case.settings, "base_url": server.url}
            outcome, said = await _do(_connector(case.examinee, built, http, own), case.case.do)
            return [
                *_compare("outcome", case.case.outcome, _as_far_as(case.case.outcome, outcome)),
                *_compare_requests(case.case, case.examinee, server.seen),
                *(wrong for seen in server.seen for wrong in form.wrong_request(seen)),
                *_wrong_replies(case.case, form),
                *(f"a failure tells a secret: {said}" for secret in case.examinee.secrets if secret in said),
            ]


def _connector(examinee: Examinee, built: Built, http: httpx.AsyncClient, own: dict[str, Any]) -> Connector:
    return built.connector(http, msgspec.convert({**examinee.settings, **own}, built.settings))


async def _do(connector: Connector, action: Action) -> tuple[dict[str, Any], str]:
    """The outcome as a case tells it, and everything that a failure says."""
    try:
        return await _done(connector, action), ""
    except Refused as refused:
        return {"raised": "Refused", "code": refused.code, "detail": refused.detail}, str(refused)
    except Throttled as throttled:
        return {"raised": "Throttled", "after_s": throttled.after_s}, str(throttled)
    except Unreachable as unreachable:
        told = {"raised": "Unreachable", "uncertain": unreachable.uncertain, "detail": unreachable.detail}
        return told, str(unreachable)


async def _done(connector: Connector, action: Action) -> dict[str, Any]:
    if action.connect is not None:
        return {"account": to_builtins(await connector.connect(action.connect))}
    if action.send_message is not None:
        return {"sent": to_builtins(await connector.send_message(action.send_message))}
    if action.send_file is not None:
        content = _pieces(action.content.encode())
        return {"sent": to_builtins(await connector.send_file(action.send_file, content))}
    if action.open_file is not None:
        attachment, content = await connector.open_file(action.open_file)
        return {"file": to_builtins(attachment), "content": b"".join([piece async for piece in content]).decode()}
    if action.answer_press is not None:
        assert isinstance(connector, AnswersPresses), "it has no answer_press"
        await connector.answer_press(action.answer_press)
        return {"answered": True}
    await connector.disconnect()
    return {"done": True}


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def _as_far_as(expected: dict[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
    """A case may leave out the words of a failure."""
    return {name: value for name, value in outcome.items() if name != "detail" or name in expected}


def _compare(what: str, expected: Any, found: Any) -> list[str]:
    """As JSON, which knows no tuples and no structs."""
    expected, found = (msgspec.json.decode(msgspec.json.encode(each)) for each in (expected, found))
    return [] if expected == found else [f"{what}: expected {expected}, found {found}"]


def _compare_requests(case: CallCase, examinee: Examinee, seen: list[Seen]) -> list[str]:
    expected = [_expected(exchange.request, examinee) for exchange in case.exchanges]
    return _compare("requests", expected, [_shown(each) for each in seen])


def _expected(asked: Asked, examinee: Examinee) -> dict[str, Any]:
    prefix = examinee.prefix if asked.prefix is None else asked.prefix
    body = {"json": asked.json} if asked.json is not UNSET else {"form": asked.form} if asked.form is not UNSET else {}
    return {"method": asked.method, "path": prefix + asked.path, **body}


def _shown(seen: Seen) -> dict[str, Any]:
    shown: dict[str, Any] = {"method": seen.method, "path": seen.path}
    if seen.is_form:
        fields = seen.form.items()
        return shown | {"form": {name: v._asdict() if isinstance(v, Upload) else v for name, v in fields}}
    return shown | ({"json": seen.json} if seen.body else {})


def _wrong_replies(case: CallCase, form: Format) -> list[str]:
    """An answer that the platform would not give proves nothing."""
    told = [(e.request, e.reply.json) for e in case.exchanges if e.reply.json is not UNSET]
    return [wrong for asked, reply in told for wrong in form.wrong_answer(asked.path, reply)]


def _hear(connector: Connector, case: WebhookCase, examinee: Examinee, form: Format) -> list[str]:
    body = case.text.encode() if case.body is UNSET else msgspec.json.encode(case.body)
    headers = examinee.webhook_headers if case.headers is None else case.headers
    heard = Heard()
    try:
        _listen(connector, WebhookRequest(case.method, headers, case.query, body), heard)
    except (Forged, Unreadable) as error:
        heard.raised = type(error).__name__
    wrong = [] if case.raised or case.body is UNSET else form.wrong_update(case.body)
    return [
        *_compare("raised", case.raised, heard.raised),
        *_compare("answer", case.answer, heard.answer),
        *_compare("updates", case.updates, heard.updates),
        *_compare("events", case.events, heard.events),
        *wrong,
    ]


@dataclass
class Heard:
    updates: list[dict[str, str]] = field(default_factory=list)
    events: list[Inbound] = field(default_factory=list)
    answer: str | None = None
    raised: str | None = None


def _listen(connector: Connector, request: WebhookRequest, heard: Heard) -> None:
    if request.method == "GET" and isinstance(connector, WithHandshake):
        heard.answer = connector.handshake(request)
        return
    for update in connector.receive(request):
        heard.updates.append({"address": update.address, "provider_id": update.provider_id})
        heard.events += connector.handle_webhook(update.body)
