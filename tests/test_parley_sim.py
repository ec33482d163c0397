"""The `parley sim` command against a running simulator: each command does what its help says."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from clients.parley.cli import app
from connectors.simulator.app import simulator
from connectors.simulator.settings import MetaAccount, Settings, WhatsAppNumber

TOKEN = "77:a-token-for-tests"
NUMBER = WhatsAppNumber(id="106540352242922", token="EAAtests", app_secret="a-secret")
PAGE = MetaAccount(id="1234567890", token="EAAtoken", app_id="2233445566", app_secret="s")
PATIENCE_S = 60.0
MARKUP = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "No", "callback_data": "n"}]]}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a simulator in a thread of its own: commands have a loop to themselves."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), list[str]()
    stop = asyncio.Event()

    async def serve() -> None:
        accounts = {"telegram_tokens": (TOKEN,), "whatsapp_numbers": (NUMBER,), "messenger_accounts": (PAGE,)}
        accounts |= {"instagram_accounts": (PAGE,)}
        settings = Settings(_env_file=None, port=0, **accounts)  # type: ignore[call-arg, arg-type]
        async with simulator(settings) as door:
            found.append(door.url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(PATIENCE_S)


@pytest.fixture
def url(address: str) -> str:
    httpx.post(f"{address}/_sim/reset", trust_env=False, timeout=PATIENCE_S)
    return address


def page(url: str, channel: str, edge: str, **body: Any) -> Any:
    there = f"{url}/{channel}/v25.0/me/{edge}"
    return httpx.post(
        there, json=body, headers={"authorization": f"Bearer {PAGE.token}"}, trust_env=False, timeout=PATIENCE_S
    ).json()


def parley(url: str, *words: str) -> str:
    result = CliRunner().invoke(app, ["sim", *words, "--url", url])
    assert result.exit_code == 0, result.output
    return result.stdout


def told(url: str, *words: str) -> Any:
    return json.loads(parley(url, *words, "--json"))


def bot(url: str, method: str, **parameters: Any) -> Any:
    answer = httpx.post(f"{url}/bot{TOKEN}/{method}", json=parameters, trust_env=False, timeout=PATIENCE_S)
    return answer.json()["result"]


def ids(url: str) -> dict[str, int]:
    return {person["first_name"]: person["id"] for person in told(url, "people")["items"]}


def test_people_are_added_once_and_shown(url: str) -> None:
    assert parley(url, "people", "ana", "bo") == parley(url, "people", "ana")
    assert list(ids(url)) == ["ana", "bo"]
    assert told(url, "people", "cy", "--new")["items"][-1]["started"] == []


def test_somebody_writes_replies_reacts_and_presses(url: str) -> None:
    parley(url, "people", "ana")
    bot(url, "getUpdates", allowed_updates=["message", "message_reaction", "callback_query"])
    sent = bot(url, "sendMessage", chat_id=ids(url)["ana"], text="Coffee?", reply_markup=MARKUP)
    assert "✓" in parley(url, "say", "ana", "Hello", "there")
    told(url, "reply", "ana", "With", "milk")
    told(url, "react", "ana", "👍")
    told(url, "react", "ana", "none")
    told(url, "press", "ana", "No")
    hello, reply, reaction, taken_back, press = bot(url, "getUpdates")
    assert hello["message"]["text"] == "Hello there"
    assert reply["message"]["reply_to_message"]["message_id"] == sent["message_id"]
    assert reaction["message_reaction"]["new_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert taken_back["message_reaction"]["new_reaction"] == []
    assert press["callback_query"]["data"] == "n"


def test_somebody_sends_a_file_with_words(url: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("milk")
    parley(url, "people", "ana")
    parley(url, "say", "ana", "buy", "this", "--file", str(tmp_path / "list.txt"))
    message = bot(url, "getUpdates")[0]["message"]
    assert (message["document"]["file_name"], message["document"]["file_size"]) == ("list.txt", 4)
    assert message["caption"] == "buy this"


def test_somebody_shuts_the_bot_out_and_lets_it_in(url: str) -> None:
    parley(url, "people", "ana")
    parley(url, "block", "ana")
    assert told(url, "people")["items"][0]["blocked"] == [77]
    parley(url, "unblock", "ana")
    assert told(url, "people")["items"][0]["blocked"] == []


def test_the_log_shows_what_arrived_and_what_was_said(url: str) -> None:
    parley(url, "people", "ana")
    bot(url, "sendMessage", chat_id=ids(url)["ana"], text="hi \x1b[2J")
    parley(url, "say", "ana", "ho")
    shown = parley(url, "log").splitlines()
    assert ["sent" in shown[0], "hi ␛[2J" in shown[0], "said" in shown[1]] == [True] * 3
    assert [entry["text"] for entry in told(url, "log", "--after", "1")["items"]] == ["ho"]


def test_faults_are_switched_on_shown_and_ended(url: str) -> None:
    assert "flood" in parley(url, "fault")
    parley(url, "fault", "flood", "--seconds", "5", "--times", "3")
    assert [each["fault"]["kind"] for each in told(url, "fault")["items"]] == ["flood"]
    assert "on: flood" in parley(url, "fault")
    assert told(url, "fault", "none")["items"] == []


@pytest.mark.parametrize("channel", ["messenger", "instagram"])
def test_people_are_on_other_platforms_as_well(url: str, channel: str) -> None:
    def on(*words: str) -> Any:
        return told(url, *words, "--channel", channel)

    (ana,) = on("people", "ana")["items"]
    on("say", "ana", "helo")
    on("edit", "ana", "hello")
    on("unsend", "ana")
    sent = {"recipient": {"id": ana["id"]}, "messaging_type": "RESPONSE", "message": {"text": "Coffee?"}}
    mid = page(url, channel, "messages", **sent)["message_id"]
    on("react", "ana", "👍", "--to", mid)
    assert on("read", "ana")["message_id"] == mid
    on("reply", "ana", "With", "milk")
    on("block", "ana")
    log = on("log", "--chat", ana["id"])["items"]
    assert [e["what"] for e in log] == ["said", "edited", "deleted", "sent", "reacted", "said"]
    assert log[-1]["reply_to"] == mid
    assert on("fault", "blocked", "--chat", ana["id"])["items"][0]["fault"]["chat"] == ana["id"]
    assert told(url, "log")["items"] == []


def test_people_are_on_whatsapp_where_windows_close(url: str) -> None:
    def on(*words: str) -> Any:
        return told(url, *words, "--channel", "whatsapp")

    (ana,) = on("people", "ana")["items"]
    on("say", "ana", "hello")
    head = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": ana["id"], "type": "text"}
    path = f"{url}/whatsapp/v25.0/{NUMBER.id}/messages"
    bearer = {"authorization": f"Bearer {NUMBER.token}"}
    answer = httpx.post(
        path, json={**head, "text": {"body": "Coffee?"}}, headers=bearer, trust_env=False, timeout=PATIENCE_S
    ).json()
    assert on("read", "ana")["message_id"] == answer["messages"][0]["id"]
    on("reply", "ana", "With", "milk")
    on("wait", "ana")
    late = httpx.post(
        path, json={**head, "text": {"body": "Late"}}, headers=bearer, trust_env=False, timeout=PATIENCE_S
    ).json()
    messages = httpx.get(f"{url}/_sim/whatsapp/chats/{ana['id']}/messages", trust_env=False, timeout=PATIENCE_S).json()[
        "items"
    ]
    assert (messages[-1]["wamid"], messages[-1]["statuses"]) == (late["messages"][0]["id"], ["failed"])


def test_a_reset_forgets_people(url: str) -> None:
    parley(url, "people", "ana")
    parley(url, "reset")
    assert ids(url) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["say", "zoe", "hi"], "nobody is called zoe"),
        (["fault", "earthquake"], "There is no fault earthquake: delay, error, "),
        (["say", "ana?bo#", "hi"], "nobody is called"),
        (["react", "ana", "👍"], "there is no such message"),
        (["say", "ana", ""], "text: String should have at least 1 character"),
        (["say", "ana", "x", "--file", "/no/such/file"], "No such file"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(url: str, words: list[str], said: str) -> None:
    parley(url, "people", "ana")
    result = CliRunner().invoke(app, ["sim", *words, "--url", url])
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_where_no_platform_is_the_exit_code_is_2() -> None:
    result = CliRunner().invoke(app, ["sim", "people", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 2
    assert "No platform is simulated at http://127.0.0.1:9" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        *("people", "say", "reply", "react", "press", "edit", "unsend", "read"),
        *("block", "unblock", "log", "fault", "reset"),
    ],
)
def test_each_command_explains_itself(command: str) -> None:
    assert CliRunner().invoke(app, ["sim", command, "--help"]).exit_code == 0


def test_the_address_comes_from_the_settings_of_the_stack(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parley.env").write_text(f'PARLEY_SIMULATOR_URL="{url}"\n')
    monkeypatch.setenv("PARLEY_SETTINGS", str(tmp_path / "parley.env"))
    assert CliRunner().invoke(app, ["sim", "people", "ana"]).exit_code == 0
    assert list(ids(url)) == ["ana"]
