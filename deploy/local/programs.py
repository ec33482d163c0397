"""The processes of a stack: how each is started, in which stage, and how it is stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.fetch import debian, jars, mongod
from deploy.local.places import Places
from deploy.local.ports import Ports

SERVERS = ("kafka", "mongo", "redis", "etcd", "s3")
SERVICES = ("auth", "frontend", "router", "presence", "files", "webhooks")
GATEWAY = ("nginx",)
PLATFORMS = ("simulator",)
STAGES = (SERVERS, PLATFORMS + SERVICES + GATEWAY)
STOPS = (GATEWAY, SERVICES, PLATFORMS, SERVERS)
NAMES = SERVERS + PLATFORMS + SERVICES + GATEWAY
DRAIN_S = 10
QUIET_JVM = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto", "-Djava.awt.headless=true")

# s3proxy writes NAME-UUID first. One that is killed leaves it, and could never list the parts beside it again.
WITHOUT_LEFTOVERS = (
    "find . -regextype posix-extended -regex '.*/[^/]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' -type f -delete"
    ' && exec "$@"'
)


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    stop_within_s: int = DRAIN_S + 5


def programs(places: Places, ports: Ports) -> list[Program]:
    servers = [
        _kafka(places),
        _mongo(places, ports),
        _redis(places, ports),
        _etcd(places, ports),
        _s3(places),
    ]
    services = [_module(places, name, f"services.{name}.main") for name in SERVICES]
    return [*servers, _module(places, "simulator", "connectors.simulator"), *services, _nginx(places)]


def java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else shutil.which("java") or "java"


def libraries(places: Places) -> dict[str, str]:
    return {"LD_LIBRARY_PATH": ":".join(map(str, debian.libraries(places)))}


def binary(places: Places, name: str) -> Path:
    """A program of an unpacked Debian package."""
    folder = "usr/sbin" if name == "nginx" else "usr/bin"
    return places.debs / folder / name


def java_command(places: Places, name: str, *arguments: str, heap: str) -> tuple[str, ...]:
    classes = f"{jars.folder(places) / name}/*"
    return (java(), *QUIET_JVM, f"-Xmx{heap}", "-cp", classes, *arguments)


def _kafka(places: Places) -> Program:
    log = f"-Dlog4j2.configurationFile={places.conf / 'log4j2.yaml'}"
    main = ("kafka.Kafka", str(places.conf / "server.properties"))
    return Program("kafka", java_command(places, "kafka", log, *main, heap="512m"), places.data / "kafka")


def _s3(places: Places) -> Program:
    log = f"-Dlogback.configurationFile={places.conf / 'logback.xml'}"
    main = ("org.gaul.s3proxy.Main", "--properties", str(places.conf / "s3proxy.conf"))
    command = java_command(places, "s3proxy", log, "-XX:TieredStopAtLevel=1", *main, heap="128m")
    return Program("s3", ("sh", "-c", WITHOUT_LEFTOVERS, "sh", *command), places.data / "s3")


def _mongo(places: Places, ports: Ports) -> Program:
    folder = places.data / "mongo"
    command = (
        str(mongod.program(places)),
        *("--dbpath", str(folder), "--port", str(ports["mongo"]), "--bind_ip", "127.0.0.1", "--nounixsocket"),
        *("--replSet", "rs0", "--oplogSize", "512", "--wiredTigerCacheSizeGB", "0.25"),
        # its flight recorder samples every second, the largest part of what an idle mongod costs
        *("--setParameter", "diagnosticDataCollectionEnabled=false", "--quiet"),
    )
    return Program("mongo", command, folder, libraries(places))


def _redis(places: Places, ports: Ports) -> Program:
    folder = places.data / "redis"
    command = (
        str(binary(places, "redis-server")),
        *("--port", str(ports["redis"]), "--bind", "127.0.0.1", "--dir", str(folder)),
        *("--appendonly", "yes", "--save", "", "--daemonize", "no", "--set-proc-title", "no"),
    )
    return Program("redis", command, folder, libraries(places))


def _etcd(places: Places, ports: Ports) -> Program:
    folder = places.data / "etcd"
    client = f"http://127.0.0.1:{ports['etcd']}"
    peer = f"http://127.0.0.1:{ports['etcd peer']}"
    command = (
        str(binary(places, "etcd")),
        *("--name", "parley", "--data-dir", str(folder / "member"), "--logger", "zap", "--log-level", "warn"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", f"parley={peer}", "--quota-backend-bytes", str(8 * 1024**3)),
        *("--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1h"),
    )
    return Program("etcd", command, folder, libraries(places))


def _module(places: Places, name: str, module: str) -> Program:
    command = (str(places.python), "-m", module)
    environment = {"PARLEY_SETTINGS": str(places.settings), "PYTHONUNBUFFERED": "1"}
    return Program(name, command, places.root, environment)


def _nginx(places: Places) -> Program:
    command = (
        str(binary(places, "nginx")),
        "-e",
        "stderr",
        "-p",
        str(places.run),
        "-c",
        str(places.conf / "nginx.conf"),
    )
    return Program("nginx", command, places.run, libraries(places), stop_within_s=DRAIN_S)
