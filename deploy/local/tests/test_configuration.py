import configparser
import json
import re
from pathlib import Path

import pytest

from deploy.local import gateway, readiness, status, supervision
from deploy.local.logs import readable
from deploy.local.places import Places
from deploy.local.ports import Ports
from deploy.local.programs import NAMES, SERVICES, Program, programs

pytestmark = pytest.mark.pure
PORTS = Ports(8000)


@pytest.fixture
def where(tmp_path: Path) -> Places:
    return Places(tmp_path / "a cache", tmp_path / "a state")


def test_every_process_is_supervised_and_marked(where: Places) -> None:
    read = configparser.RawConfigParser()
    read.read_string(supervision.configuration(where, programs(where, PORTS)))
    assert {title for title in read.sections() if title.startswith("program:")} == {f"program:{n}" for n in NAMES}
    for name in NAMES:
        assert f'{supervision.MARK}="{where.state}"' in read[f"program:{name}"]["environment"]


def test_a_percent_sign_in_a_path_is_no_substitution(where: Places) -> None:
    program = Program("redis", ("/100%/redis",), where.data)
    assert "command=/100%%/redis" in supervision.configuration(where, [program])


def test_servers_listen_on_this_machine_only(where: Places) -> None:
    for program in programs(where, PORTS):
        assert not {"0.0.0.0", "::", "--bind_ip_all"} & set(program.command)  # noqa: S104
    assert not re.search(r"listen (\d+;|\*|0\.0\.0\.0)", gateway.configuration(where, PORTS))


def test_services_are_started_as_modules_with_the_settings_of_the_stack(where: Places) -> None:
    for program in programs(where, PORTS):
        if program.name in SERVICES:
            assert program.command[1:] == ("-m", f"services.{program.name}.main")
            assert program.environment["PARLEY_SETTINGS"] == str(where.settings)


def test_every_error_of_the_gateway_is_a_whole_problem(where: Places) -> None:
    text = gateway.configuration(where, PORTS)
    problems = [json.loads(body) for body in re.findall(r"return \d+ '(.*)';", text)]
    assert {problem["code"] for problem in problems} == {code for _, _, code, _, _ in gateway.ERRORS}
    for problem in problems:
        assert problem.keys() == {"type", "title", "status", "detail", "instance", "code", "trace_id"}


def test_the_gateway_fills_in_every_port(where: Places) -> None:
    text = gateway.configuration(where, PORTS)
    for part in (
        "gateway http",
        "gateway https",
        "auth",
        "frontend",
        "presence",
        "presence websocket",
        "files",
        "webhooks",
    ):
        assert f":{PORTS[part]}" in text


def test_the_gateway_does_not_know_the_listener_for_our_own_services(where: Places) -> None:
    assert str(PORTS["files internal"]) not in gateway.configuration(where, PORTS)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"status":"waiting","dependencies":{"Kafka":"up","etcd":"no answer"}}', "etcd: no answer"),
        ('{"dependencies":{"etcd":{"status":"down","reason":"refused"}}}', "etcd: refused"),
        ("not json", "not json"),
    ],
)
def test_what_a_service_waits_for_is_told(body: str, words: str) -> None:
    assert readiness.reasons(body) == words


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("nginx version: nginx/1.22.1", "1.22.1"),
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc", "7.0.15"),
        ("etcd Version: 3.4.23\nGit SHA: 1", "3.4.23"),
        ("db version v6.0.27\nBuild Info: {", "6.0.27"),
        ("", "?"),
    ],
)
def test_versions_are_read_from_what_a_server_says(answer: str, version: str) -> None:
    assert status.first_number(answer) == version


def test_a_line_of_json_is_shown_as_text() -> None:
    line = '{"time":"T","level":"info","service":"router","logger":"x","message":"stored","count":3}'
    assert readable(line) == "T info    stored count=3"


def test_any_other_line_is_shown_as_it_is() -> None:
    assert readable("12:00 ready\n") == "12:00 ready"
    assert readable("17") == "17"
