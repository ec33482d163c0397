"""How a channel's requests, answers and updates are held against the format that its platform has published."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from connectors.exam.platform import Seen
from connectors.formats import messaging, telegram, whatsapp
from connectors.formats.shapes import Wrong


class Format(NamedTuple):
    """Each tells what is wrong, in words; an answer is the one to a request of that path."""

    wrong_request: Callable[[Seen], list[str]]
    wrong_answer: Callable[[str, Any], list[str]]
    wrong_update: Callable[[Any], list[str]]


def _words(what: str, found: Iterable[Wrong]) -> list[str]:
    return [f"{what}: {wrong.field} breaks the rule of {wrong.rule}. {wrong.detail}".strip() for wrong in found]


def _telegram_request(seen: Seen) -> list[str]:
    if seen.path.startswith("/file/"):
        return []
    method = seen.path.rpartition("/")[2]
    parameters = telegram.decode_form(method, seen.form) if seen.is_form else seen.json
    return _words(method, telegram.check_request(method, parameters))


def _telegram_answer(path: str, answer: Any) -> list[str]:
    """Answers without a result are errors, which have no published form beyond `ok` and `description`."""
    if not isinstance(answer, dict) or "result" not in answer:
        return []
    return _words(f"the answer to {path}", telegram.check_answer(path, answer["result"]))


def _telegram_update(update: Any) -> list[str]:
    return _words("the update", telegram.check_update(update))


def _of_messaging(platform: messaging.Platform) -> Format:
    def request(seen: Seen) -> list[str]:
        if seen.method != "POST":
            return []
        call = seen.path.rpartition("/")[2]
        body = messaging.decode_form(seen.form) if seen.is_form else seen.json
        return _words(call, messaging.check_request(platform, call, body))

    def answer(path: str, answer: Any) -> list[str]:
        call = path.partition("?")[0].rpartition("/")[2]
        return _words(f"the answer to {path}", messaging.check_answer(platform, call, answer))

    def update(body: Any) -> list[str]:
        return _words("the update", messaging.check_update(platform, body))

    return Format(request, answer, update)


def _whatsapp_request(seen: Seen) -> list[str]:
    """A question by GET has no published form beyond its path."""
    if seen.method != "POST":
        return []
    call = _whatsapp_call(seen.path)
    return _words(call, whatsapp.check_request(call, dict(seen.form) if seen.is_form else seen.json))


def _whatsapp_call(path: str) -> whatsapp.Call:
    match path.rpartition("/")[2]:
        case "messages":
            return "messages"
        case "media":
            return "media"
        case _:
            return "phone"


def _whatsapp_answer(path: str, answer: Any) -> list[str]:
    """Of a number and of media by what they hold: their paths are ids."""
    if not isinstance(answer, dict):
        return []
    told = "success" if "success" in answer else "media_url" if "url" in answer else _whatsapp_call(path)
    return _words(f"the answer to {path}", whatsapp.check_answer(told, answer))


def _whatsapp_update(update: Any) -> list[str]:
    return _words("the update", whatsapp.check_update(update))


FORMATS: Mapping[str, Format] = {
    "telegram": Format(_telegram_request, _telegram_answer, _telegram_update),
    "messenger": _of_messaging("messenger"),
    "instagram": _of_messaging("instagram"),
    "whatsapp": Format(_whatsapp_request, _whatsapp_answer, _whatsapp_update),
}
