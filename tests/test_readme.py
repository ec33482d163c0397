"""What the READMEs tell one to type, run as it stands, with names and a gateway of this run."""

import asyncio
import os
import re
import secrets
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from tests.command import Home
from tests.conftest import Chat

DEADLINE_S = "300"
README = (ROOT / "README.md").read_text()
BY_HTTP = (ROOT / "docs/guide/http.md").read_text()
OF_THE_CLIENT = (ROOT / "clients/parley/README.md").read_text()


EXAMPLES = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", OF_THE_CLIENT, re.DOTALL)


@pytest.mark.parametrize(("example", "output"), EXAMPLES, ids=["a talk", "a file"])
async def test_the_examples_of_the_client_print_what_they_say(
    chat: Chat, tmp_path: Path, example: str, output: str
) -> None:
    (tmp_path / "hello.py").write_text(_of_this_run(example, "", chat))
    (tmp_path / "hello.sh").write_text(f"python {tmp_path / 'hello.py'}\n")
    assert await _run(tmp_path / "hello.sh", chat) == output


@pytest.mark.timeout(400)
async def test_the_first_steps_of_the_readme_go_as_it_says(chat: Chat, tmp_path: Path) -> None:
    shell = _patient("\n".join(re.findall(r"```sh\n(.*?)```", README + BY_HTTP, re.DOTALL)), tmp_path / "sent")
    device = re.findall(r"```python\n(.*?)```", BY_HTTP, re.DOTALL)[0]
    mark = secrets.token_hex(3)
    asks_again = 'curl -sS $G/v1/messages/$MESSAGE/status -H "Authorization: Bearer $TOKEN"'
    script = f"""{shell}
timeout 90 python {tmp_path / "device.py"} & DEVICE=$!
until {asks_again} | grep -F '"status":"READ"' || ! kill -0 $DEVICE; do sleep 0.2; done
kill $DEVICE; wait
"""
    (tmp_path / "device.py").write_text(_of_this_run(device, mark, chat))
    (tmp_path / "readme.sh").write_text(_of_this_run(script, mark, chat))
    answer = await _run(tmp_path / "readme.sh", chat)
    assert "✓ accepted  parley status " in answer
    assert f"leo-{mark}: Are you there?" in answer
    assert f"leo-{mark}  📎 glossary.md (" in answer
    assert answer.count("checksum compared\n") == 1
    assert f"mia-{mark} is reached here and at telegram " in answer
    assert f" mia-{mark}  On my way!" in answer
    assert re.search(rf"mia-{mark}  internal  goes .*\nmia-{mark}  telegram  goes  after 20 s ", answer)
    assert any(line.endswith('"}]}') for line in answer.splitlines())  # the device may say more behind it
    assert '"status": "SENT"' in answer
    assert '"status":"READ"' in answer
    assert answer.count('"status":"ACCEPTED"') >= 2


def _patient(shell: str, sent: Path) -> str:
    """Behind each text it waits until that is stored, as a person who types the next line does."""
    by_command = (
        rf"\1 | tee {sent}; until ./parley status $(awk 'END {{print $NF}}' {sent}) --as leo >{sent}.status; do :; done"
    )
    by_http = (
        r'\1\nuntil curl -sSf -o /dev/null $G/v1/messages/$MESSAGE/status -H "Authorization: Bearer $TOKEN"; do :; done'
    )
    shell = re.sub(r"^(\./parley send .*)$", by_command, shell, flags=re.MULTILINE)
    return re.sub(r"^(MESSAGE=.*)$", by_http, shell, flags=re.MULTILINE)


def _of_this_run(text: str, mark: str, chat: Chat) -> str:
    text = re.sub(r"\b(mia|leo|tea|ana|ben|cho)(?=[\"\s])", rf"\1-{mark}", text) if mark else text
    return text.replace("http://localhost:8080", chat.stack.gateway_url)


async def _run(script: Path, chat: Chat) -> str:
    environment = Home(chat.stack, script.parent).environment | _python()
    environment["PARLEY_SIMULATOR_URL"] = f"http://127.0.0.1:{chat.processes.ports['simulator']}"
    process = await asyncio.create_subprocess_exec(
        "timeout", DEADLINE_S, "bash", str(script), cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


def _python() -> dict[str, str]:
    """The interpreter of the tests comes first, and finds the project."""
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
