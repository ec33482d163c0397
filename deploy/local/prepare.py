"""Makes a stack's folders, secrets and configuration before its supervisor starts."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from string import Template

from deploy.local import credentials, gateway, programs, settings_file, supervision
from deploy.local.places import Places
from deploy.local.ports import Ports
from deploy.local.say import Trouble, step

CONF = Path(__file__).resolve().parent / "conf"


def prepare(places: Places, ports: Ports) -> None:
    places.make()
    credentials.make_missing(places.secrets)
    settings = settings_file.settings(places, ports)
    credentials.write(places.settings, settings_file.render(settings).encode())
    for name, text in configuration(places, ports, settings).items():
        credentials.write(places.conf / name, text.encode())
    for program in programs.programs(places, ports):
        program.folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def configuration(places: Places, ports: Ports, settings: dict[str, str]) -> dict[str, str]:
    """File name → content."""
    kafka = {"port": ports["kafka"], "controller_port": ports["kafka controller"], "data": places.data / "kafka"}
    s3 = {
        "port": ports["s3"], "data": places.data / "s3",
        "access": settings["PARLEY_S3_ACCESS_KEY"], "secret": settings["PARLEY_S3_SECRET_KEY"],
    }  # fmt: skip
    return {
        "server.properties": _filled("server.properties", kafka),
        "s3proxy.conf": _filled("s3proxy.conf", s3),
        "log4j2.yaml": (CONF / "log4j2.yaml").read_text(),
        "logback.xml": (CONF / "logback.xml").read_text(),
        "nginx.conf": gateway.configuration(places, ports),
        "supervisord.conf": supervision.configuration(places, programs.programs(places, ports)),
    }


def _filled(name: str, values: dict[str, object]) -> str:
    return Template((CONF / name).read_text()).substitute(values)


def format_kafka(places: Places) -> None:
    """Gives Kafka's folder its cluster id, once."""
    if (places.data / "kafka" / "meta.properties").exists():
        return
    step("format", "kafka", "its first start")
    cluster = base64.urlsafe_b64encode(b"\x00" + os.urandom(15)).decode().rstrip("=")
    arguments = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(places.conf / "server.properties"))
    formatted = subprocess.run(  # noqa: S603 - our own command line
        programs.java_command(places, "kafka", *arguments, heap="256m"),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if formatted.returncode:
        raise Trouble(f"kafka's folder cannot be formatted: {(formatted.stderr or formatted.stdout).strip()[-300:]}")
