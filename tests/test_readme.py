"""What the READMEs tell one to type, run as it stands, with names and a gateway of this run."""

import asyncio
import os
import re
import secrets
import sys
from pathlib import Path

from conftest import ROOT
from tests.command import Home
from tests.conftest import Chat

README = (ROOT / "README.md").read_text()
OF_THE_CLIENT = (ROOT / "clients/parley/README.md").read_text()


async def test_the_example_of_the_client_prints_what_it_says(chat: Chat, tmp_path: Path) -> None:
    example, output = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", OF_THE_CLIENT, re.DOTALL)[0]
    (tmp_path / "hello.py").write_text(_of_this_run(example, "", chat))
    (tmp_path / "hello.sh").write_text(f"python {tmp_path / 'hello.py'}\n")
    assert await _run(tmp_path / "hello.sh", chat) == output


async def test_the_first_steps_of_the_readme_go_as_it_says(chat: Chat, tmp_path: Path) -> None:
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    device = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
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
    assert answer.rstrip().endswith('"}]}')
    assert '"status": "SENT"' in answer
    assert '"status":"READ"' in answer
    assert answer.count('"status":"ACCEPTED"') >= 2


def _of_this_run(text: str, mark: str, chat: Chat) -> str:
    text = re.sub(r"\b(mia|leo|ana|ben|cho)(?=[\"\s])", rf"\1-{mark}", text) if mark else text
    return text.replace("http://localhost:8080", chat.stack.gateway_url)


async def _run(script: Path, chat: Chat) -> str:
    environment = Home(chat.stack, script.parent).environment | _python()
    process = await asyncio.create_subprocess_exec(
        "bash", str(script), cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


def _python() -> dict[str, str]:
    """The interpreter of the tests comes first, and finds the project."""
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
