"""What receivers copy from the guide verifies the published vector, and nothing else."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from clients.parley.webhooks import WrongSignatureError, verify
from clients.parley.webhooks.signature import signature

FOLDER = Path(__file__).parents[1] / "docs" / "guide" / "webhooks"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class Case(NamedTuple):
    id: str = ID
    timestamp: str = str(AT)
    signature: str = GOOD
    body: str = BODY
    now: int = AT + 60


TRUE = [
    Case(),
    Case(signature=f"v1,AAAA {GOOD}"),
    Case(signature=f"v1a,{GOOD[3:]} {GOOD}"),
    Case(now=AT + 299),
    Case(now=AT - 299),
]
FALSE = [
    Case(id="msg_other"),
    Case(timestamp=str(AT + 1)),
    Case(timestamp="soon"),
    Case(signature=""),
    Case(signature=GOOD[3:]),
    Case(signature=GOOD.replace("g0", "g1")),
    Case(body=BODY + " "),
    Case(now=AT + 301),
    Case(now=AT - 301),
]
EXPECTED = [True] * len(TRUE) + [False] * len(FALSE)


def program_of(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not installed"
    return found


def test_python() -> None:
    spec = importlib.util.spec_from_file_location("verify", FOLDER / "verify.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [module.verify(SECRET, c.id, c.timestamp, c.signature, c.body.encode(), c.now) for c in TRUE + FALSE]
    assert found == EXPECTED


def test_javascript() -> None:
    program = f"""
        import {{ verify }} from "{(FOLDER / "verify.mjs").as_uri()}";
        const cases = {json.dumps([c._asdict() for c in TRUE + FALSE])};
        console.log(JSON.stringify(cases.map((c) =>
            verify("{SECRET}", c.id, c.timestamp, c.signature, Buffer.from(c.body), c.now))));
    """
    ran = subprocess.run(
        [program_of("node"), "--input-type=module", "-e", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(ran.stdout) == EXPECTED


@pytest.mark.timeout(240)
def test_go(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "verify.go", tmp_path)
    (tmp_path / "go.mod").write_text("module webhooks\n\ngo 1.19\n")
    words = [[json.dumps(word) for word in case[:4]] for case in TRUE + FALSE]
    checks = "\n".join(f"\tcheck({', '.join(w)}, {c.now})" for w, c in zip(words, TRUE + FALSE, strict=True))
    (tmp_path / "verify_test.go").write_text(
        f"""package webhooks

import (
	"os"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {{
	found := ""
	check := func(id, timestamp, signature, body string, now int64) {{
		if Verify("{SECRET}", id, timestamp, signature, []byte(body), time.Unix(now, 0)) {{
			found += "1"
		}} else {{
			found += "0"
		}}
	}}
{checks}
	os.WriteFile("found", []byte(found), 0o600)
}}
"""
    )
    subprocess.run([program_of("go"), "test", "./..."], cwd=tmp_path, capture_output=True, timeout=200, check=True)
    assert [one == "1" for one in (tmp_path / "found").read_text()] == EXPECTED


def test_our_own_client() -> None:
    def is_true(case: Case) -> bool:
        headers = {
            "webhook-id": case.id,
            "webhook-timestamp": case.timestamp,
            "webhook-signature": case.signature,
        }
        try:
            verify(SECRET, headers, case.body.encode(), case.now)
        except WrongSignatureError as error:
            return "no event" in str(error)  # what the vector signs is none
        return True

    assert [is_true(case) for case in TRUE + FALSE] == EXPECTED
    assert signature(SECRET, ID, str(AT), BODY.encode()) == GOOD
