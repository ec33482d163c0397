from pathlib import Path

import pytest

from deploy.local import settings_file
from deploy.local.places import LONGEST_SOCKET, Places, places
from deploy.local.ports import OFFSETS, Ports
from deploy.local.programs import NAMES
from deploy.local.settings_file import PASSWORDS

pytestmark = pytest.mark.pure


def test_the_default_base_gives_the_documented_gateway() -> None:
    ports = Ports(8000)
    assert (ports["gateway http"], ports["gateway https"]) == (8080, 8443)


def test_every_port_has_one_owner() -> None:
    owned = [part for name in NAMES for part in Ports(8000).of(name)]
    assert sorted(owned) == sorted(OFFSETS)
    assert len(set(OFFSETS.values())) == len(OFFSETS)


def test_a_prefix_of_a_name_owns_nothing() -> None:
    assert Ports(8000).of("etc") == {}


def test_two_bases_that_differ_by_a_thousand_share_no_port() -> None:
    first, second = ({Ports(base)[part] for part in OFFSETS} for base in (8000, 9000))
    assert not first & second


def test_settings_name_the_ports_of_the_base(tmp_path: Path) -> None:
    where = Places(tmp_path / "cache", tmp_path / "state")
    where.make()
    for name in PASSWORDS:
        (where.secrets / name).write_text("key")
    values = settings_file.settings(where, Ports(20000))
    assert values["PARLEY_KAFKA"] == "127.0.0.1:20110"
    assert values["PARLEY_GATEWAY_URL"] == "http://127.0.0.1:20080"
    assert values["PARLEY_SIMULATOR_URL"] == "http://127.0.0.1:20300"
    assert values["PARLEY_SIMULATOR_MEMORY_FILE"] == str(where.data / "simulator.json")
    assert values["PARLEY_KEYS"] == str(where.secrets / "keys")


def test_accounts_that_are_exported_take_the_place_of_the_simulated_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Places(tmp_path / "cache", tmp_path / "state")
    where.make()
    for name in PASSWORDS:
        (where.secrets / name).write_text("key")
    assert "PARLEY_CHANNELS__TELEGRAM__MAIN__TOKEN" in settings_file.settings(where, Ports(20000))
    monkeypatch.setenv("PARLEY_CHANNELS__TELEGRAM__SALES__TOKEN", "1:abc")
    values = settings_file.settings(where, Ports(20000))
    assert [name for name in values if "CHANNELS" in name] == ["PARLEY_CHANNELS__TELEGRAM__SALES__TOKEN"]


def test_settings_survive_writing_and_reading(tmp_path: Path) -> None:
    values = {"PARLEY_MONGO": "mongodb://127.0.0.1:8120/?replicaSet=rs0", "PARLEY_BASE": "8000", "PARLEY_LIST": '["a"]'}
    (tmp_path / "parley.env").write_text(settings_file.render(values))
    assert settings_file.read(tmp_path / "parley.env") == values


def test_what_somebody_exported_for_another_stack_does_not_reach_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Places(tmp_path, tmp_path)
    where.settings.write_text(settings_file.render({"PARLEY_KAFKA": "here"}))
    monkeypatch.setenv("PARLEY_KAFKA", "elsewhere")
    monkeypatch.setenv("PARLEY_LOG_LEVEL", "debug")
    seen = settings_file.environment(where)
    assert "PARLEY_KAFKA" not in seen
    assert (seen["PARLEY_LOG_LEVEL"], seen["PARLEY_SETTINGS"]) == ("debug", str(where.settings))


def test_cache_and_state_move_by_the_environment(tmp_path: Path) -> None:
    where = places({"PARLEY_CACHE": str(tmp_path / "c"), "PARLEY_STATE": str(tmp_path / "s")})
    assert (where.cache, where.state) == (tmp_path / "c", tmp_path / "s")


def test_a_deep_state_folder_gets_its_socket_in_a_short_place(tmp_path: Path) -> None:
    deep = Places(tmp_path, tmp_path / ("deep" * 40))
    assert len(str(deep.socket)) <= LONGEST_SOCKET
    assert deep.socket != Places(tmp_path, tmp_path / ("deep" * 41)).socket
