"""Every channel sits the exam; and the exam fails whoever deserves it."""

from pathlib import Path

import msgspec
import pytest

from connectors.catalogue import BUILT
from connectors.exam import FORMATS, CallCase, Case, WebhookCase, read_cases, sit, too_few_of_failures
from connectors.exam.cases import HERE

FOLDERS = sorted(folder.parent.name for folder in HERE.glob("*/cases"))
ALL = [
    Case(channel, cases.examinee, kind, case)
    for channel in FOLDERS
    for cases in [read_cases(channel)]
    for kind in ("outbound", "errors", "webhook")
    for case in getattr(cases, kind)
]


async def wrong_of(case: Case) -> list[str]:
    return await sit(case, BUILT[case.channel], FORMATS[case.channel])


@pytest.mark.parametrize("case", ALL, ids=str)
async def test_a_channel_does_what_its_case_says(case: Case) -> None:
    assert await wrong_of(case) == []


def test_whoever_has_cases_is_built_and_whoever_is_built_has_cases() -> None:
    assert sorted(BUILT) == FOLDERS


@pytest.mark.parametrize("channel", FOLDERS)
def test_a_channel_is_tried_in_foul_weather_too(channel: str) -> None:
    assert too_few_of_failures(read_cases(channel)) is None


@pytest.mark.parametrize("channel", FOLDERS)
def test_errors_stand_among_the_errors(channel: str) -> None:
    cases = read_cases(channel)
    assert [case.case for case in cases.outbound if "raised" in case.outcome] == []
    assert [case.case for case in cases.errors if "raised" not in case.outcome] == []


def test_no_two_cases_have_one_name() -> None:
    names = [str(case) for case in ALL]
    assert sorted(set(names)) == sorted(names)


def named(name: str) -> Case:
    """One of Telegram's, for the exam's own trials."""
    return next(case for case in ALL if str(case) == f"telegram-{name}")


async def test_a_request_other_than_the_case_says_is_found() -> None:
    case = named("outbound-a text")
    assert isinstance(case.case, CallCase)
    (exchange,) = case.case.exchanges
    asked = msgspec.structs.replace(exchange.request, json={"chat_id": 42, "text": "ho"})
    exchanges = [msgspec.structs.replace(exchange, request=asked)]
    (wrong,) = await wrong_of(case._replace(case=msgspec.structs.replace(case.case, exchanges=exchanges)))
    assert wrong.startswith("requests: ")


async def test_another_outcome_than_the_case_says_is_found() -> None:
    case = named("errors-blocked by the user")
    outcome = {"raised": "Refused", "code": "gone"}
    (wrong,) = await wrong_of(case._replace(case=msgspec.structs.replace(case.case, outcome=outcome)))
    assert wrong.startswith("outcome: ")


async def test_a_request_that_the_platform_would_not_take_is_found_whatever_the_case_says() -> None:
    case = named("outbound-a text")
    text = "x" * 4097
    assert isinstance(case.case, CallCase)
    raw = msgspec.to_builtins(case.case)
    raw["do"]["send_message"]["content"]["text"] = text
    raw["exchanges"][0]["request"]["json"]["text"] = text
    (wrong,) = await wrong_of(case._replace(case=msgspec.convert(raw, CallCase)))
    assert wrong.startswith("sendMessage: text breaks the rule of length")


async def test_an_answer_that_the_platform_would_not_give_is_found() -> None:
    case = named("outbound-a text")
    raw = msgspec.to_builtins(case.case)
    del raw["exchanges"][0]["reply"]["json"]["result"]["date"]
    (wrong,) = await wrong_of(case._replace(case=msgspec.convert(raw, CallCase)))
    assert wrong.startswith("the answer to sendMessage: ")


async def test_an_update_that_the_platform_would_not_send_is_found() -> None:
    case = named("webhook-a text")
    raw = msgspec.to_builtins(case.case)
    del raw["body"]["message"]["chat"]["type"]
    (wrong,) = await wrong_of(case._replace(case=msgspec.convert(raw, WebhookCase)))
    assert wrong == "the update: message.chat.type breaks the rule of missing."


async def test_a_failure_that_tells_a_secret_is_found() -> None:
    case = named("errors-blocked by the user")
    examinee = msgspec.structs.replace(case.examinee, secrets=["blocked by"])
    (wrong,) = await wrong_of(case._replace(examinee=examinee))
    assert wrong.startswith("a failure tells a secret")


def test_a_channel_tried_in_fair_weather_alone_is_refused() -> None:
    cases = read_cases("telegram")
    fair = cases._replace(outbound=cases.outbound[:10], errors=[], webhook=[])
    assert too_few_of_failures(fair) is not None
    assert too_few_of_failures(fair._replace(webhook=cases.webhook[:4])) is not None
    assert too_few_of_failures(fair._replace(webhook=cases.webhook[:5])) is None
    assert too_few_of_failures(fair._replace(errors=cases.errors[:2], webhook=cases.webhook[:3])) is None


def test_a_case_without_a_source_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "telegram" / "cases"
    folder.mkdir(parents=True)
    for file in (HERE / "telegram" / "cases").iterdir():
        (folder / file.name).write_text(file.read_text())
    (folder / "outbound.json").write_text('[{"case": "a", "do": {}, "exchanges": [], "outcome": {}}]')
    with pytest.raises(msgspec.ValidationError, match="source"):
        read_cases("telegram", tmp_path)
