"""The commands of the machine itself, on a folder of their own and on a real etcd."""

import asyncio
import json
import multiprocessing
import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from typer.testing import CliRunner, Result

from conftest import ROOT
from services.auth.admin import app
from services.auth.domain.keys import PUBLISHED_FIRST
from services.auth.store.keys import KeyFolder
from services.auth.tests.conftest import MakeKey

HOUR = timedelta(hours=1)


def run(*words: str, keys: Path | None = None, etcd_endpoint: str = "127.0.0.1:1") -> Result:
    environment = {"PARLEY_KEYS": str(keys), "PARLEY_ETCD": etcd_endpoint, "PARLEY_SETTINGS": ""}
    return CliRunner().invoke(app, list(words), env=environment)


def files(keys: Path) -> set[str]:
    return {file.name for file in keys.iterdir()}


def test_a_rotation_adds_a_key_for_nobody_elses_eyes(keys: Path, make_key: MakeKey) -> None:
    old = make_key(HOUR)
    done = json.loads(run("keys", "rotate", "--json", keys=keys).output)
    assert done["is_new"]
    assert files(keys) == {f"{old}.pem", f"{done['key_id']}.pem"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys.iterdir()} == {0o600}


def test_while_a_key_waits_for_its_turn_no_other_is_made(keys: Path, make_key: MakeKey) -> None:
    make_key(HOUR)
    first, again = (json.loads(run("keys", "rotate", "--json", keys=keys).output) for _ in range(2))
    assert (first["is_new"], again["is_new"]) == (True, False)
    assert first["key_id"] == again["key_id"]
    assert "already" in run("keys", "rotate", keys=keys).output


def test_an_empty_folder_gets_its_first_key(keys: Path) -> None:
    assert json.loads(run("keys", "rotate", "--json", keys=keys).output)["is_new"]
    assert [key["state"] for key in json.loads(run("keys", "list", "--json", keys=keys).output)["items"]] == ["signs"]


def test_a_rotation_removes_what_verifies_nothing_any_more(keys: Path, make_key: MakeKey) -> None:
    retired, old = make_key(3 * HOUR), make_key(2 * HOUR)
    done = json.loads(run("keys", "rotate", "--json", keys=keys).output)
    assert done["removed"] == [retired]
    assert files(keys) == {f"{old}.pem", f"{done['key_id']}.pem"}


def test_what_an_interrupted_rotation_left_is_swept_away(keys: Path, make_key: MakeKey) -> None:
    make_key(HOUR)
    (keys / "20261121T120000Z-00000000.new").write_bytes(b"-----BEGIN")
    assert run("keys", "rotate", keys=keys).exit_code == 0
    assert {Path(name).suffix for name in files(keys)} == {".pem"}


def _rotate(keys: str) -> None:
    run("keys", "rotate", keys=Path(keys))


def test_of_many_rotations_at_once_one_makes_a_key(keys: Path, make_key: MakeKey) -> None:
    make_key(HOUR)
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        processes.map(_rotate, [str(keys)] * 8)
    assert len(KeyFolder(keys).key_ids()) == 2


def test_the_list_says_what_each_key_does(keys: Path, make_key: MakeKey) -> None:
    ids = make_key(9 * HOUR), make_key(8 * HOUR), make_key(PUBLISHED_FIRST), make_key()
    found = json.loads(run("keys", "list", "--json", keys=keys).output)["items"]
    states = ["retired", "verifies", "signs", "published"]
    assert [(key["key_id"], key["state"]) for key in found] == list(zip(ids, states, strict=True))
    lines = run("keys", "list", keys=keys).output.splitlines()
    assert [line.replace(",", "").split()[:2] for line in lines] == [
        list(pair) for pair in zip(ids, states, strict=True)
    ]


def test_a_folder_that_is_not_there_is_said_in_words(keys: Path) -> None:
    done = run("keys", "rotate", keys=keys / "nowhere")
    assert done.exit_code == 1
    assert "nowhere" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("words", [["list"], ["grant", "ana"], ["revoke", "ana"]])
def test_without_etcd_operators_are_not_known(words: list[str]) -> None:
    done = run("operators", *words)
    assert done.exit_code == 2
    assert "etcd does not answer" in done.output


async def test_an_operators_next_token_says_so(
    auth: httpx.AsyncClient, ana: dict[str, str], etcd_endpoint: str
) -> None:
    name = ana["username"]
    tokens = (await auth.post("/v1/auth/token", json=ana | {"grant_type": "password"})).json()
    for command, roles in (("grant", ["user", "operator"]), ("revoke", ["user"])):
        for _ in range(2):
            done = await _cli("operators", command, name, "--json", etcd_endpoint=etcd_endpoint)
            assert json.loads(done) == {"username": name, "roles": roles}
        listed = json.loads(await _cli("operators", "list", "--json", etcd_endpoint=etcd_endpoint))["items"]
        assert (name in listed) is ("operator" in roles)
        body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        tokens = (await auth.post("/v1/auth/token", json=body)).json()
        assert jwt.decode(tokens["access_token"], options={"verify_signature": False})["roles"] == roles


@pytest.mark.parametrize("name", ["nobody-has-this-name", "No NAME", "../users/ana", "\x01", ""])
async def test_nobody_is_no_operator(etcd_endpoint: str, name: str) -> None:
    done = await _process("operators", "grant", name, etcd_endpoint=etcd_endpoint)
    assert done.returncode == 1
    assert "There is no user" in done.stderr


async def test_the_parley_command_hands_over(etcd_endpoint: str) -> None:
    done = await _process("operators", "list", "--json", etcd_endpoint=etcd_endpoint, module="clients.parley")
    assert "items" in json.loads(done.stdout)
    told = await _process("keys", "rotate", "--help", etcd_endpoint=etcd_endpoint, module="clients.parley")
    assert "65 seconds" in told.stdout
    wrong = await _process("keys", "rotat", etcd_endpoint=etcd_endpoint, module="clients.parley")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)


async def _cli(*words: str, etcd_endpoint: str) -> str:
    done = await _process(*words, etcd_endpoint=etcd_endpoint)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def _process(
    *words: str, etcd_endpoint: str, module: str = "services.auth.admin"
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PARLEY_ETCD": etcd_endpoint, "PARLEY_SETTINGS": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", module, *words]
    return await asyncio.to_thread(
        subprocess.run, command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
