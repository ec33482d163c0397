"""The README's own first message, run as it stands, with names and a gateway of this run."""

import asyncio
import os
import re
import secrets
import sys
from pathlib import Path

from conftest import ROOT
from tests.conftest import Chat

README = (ROOT / "README.md").read_text()


async def test_the_first_message_of_the_readme_is_sent_and_then_read(chat: Chat, tmp_path: Path) -> None:
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    device = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    mark = secrets.token_hex(3)
    asks_again = 'curl -sS $G/v1/messages/$MESSAGE/status -H "Authorization: Bearer $TOKEN"'
    script = f"{shell}\ntimeout 5 python {tmp_path / 'device.py'}\n{asks_again}\n"
    (tmp_path / "device.py").write_text(_of_this_run(device, mark, chat))
    (tmp_path / "readme.sh").write_text(_of_this_run(script, mark, chat))
    answer = await _run(tmp_path / "readme.sh")
    assert answer.rstrip().endswith('"}]}')
    assert '"status": "SENT"' in answer
    assert '"status":"READ"' in answer
    assert answer.count('"status":"ACCEPTED"') >= 2


def _of_this_run(text: str, mark: str, chat: Chat) -> str:
    text = re.sub(r"\b(ana|ben|cho)(?=[\" ])", rf"\1-{mark}", text)
    return text.replace("http://localhost:8080", chat.stack.gateway_url)


async def _run(script: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "bash", str(script), cwd=ROOT, env=_environment(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


def _environment() -> dict[str, str]:
    """The interpreter of the tests comes first, and finds the project."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
