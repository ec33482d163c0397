"""Asks each part whether it is ready: None is yes, words say what it still waits for."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaError
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.ports import Ports

HOST = "127.0.0.1"
TIMEOUT_S = 2.0
NOT_INITIATED = 94
Probe = Callable[[Ports], str | None]


def kafka(ports: Ports) -> str | None:
    return asyncio.run(_kafka(f"{HOST}:{ports['kafka']}"))


async def _kafka(address: str) -> str | None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=int(TIMEOUT_S * 1000))
    try:
        await client.bootstrap()
        return None if client.cluster.brokers() else "it has no broker yet"
    except (KafkaError, OSError):
        return "it does not answer yet"
    finally:
        await client.close()


def mongo(ports: Ports) -> str | None:
    """Also makes it a replica set of one, at the first start and when the port has moved."""
    address = f"{HOST}:{ports['mongo']}"
    milliseconds = int(TIMEOUT_S * 1000)
    try:
        with MongoClient[dict[str, Any]](
            address, directConnection=True, serverSelectionTimeoutMS=milliseconds, socketTimeoutMS=milliseconds
        ) as client:
            return _elect(client, address)
    except OperationFailure as failure:
        return f"replica set: {failure.details and failure.details.get('codeName')}"
    except PyMongoError:
        return "it does not answer yet"


def _elect(client: MongoClient[dict[str, Any]], address: str) -> str | None:
    if client.admin.command("hello").get("isWritablePrimary"):
        return None
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as failure:
        if failure.code != NOT_INITIATED:
            raise
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": address}]})
        return "the replica set elects its primary"
    if config["members"][0]["host"] != address:
        config["members"][0]["host"] = address
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
    return "the replica set elects its primary"


def redis(ports: Ports) -> str | None:
    try:
        with socket.create_connection((HOST, ports["redis"]), TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(200).decode(errors="replace").strip()
    except OSError:
        return "it does not answer yet"
    return None if answer == "+PONG" else answer


def etcd(ports: Ports) -> str | None:
    status, body = get(ports["etcd"], "/health")
    return None if status == 200 and '"true"' in body else body or "it does not answer yet"


def s3(ports: Ports) -> str | None:
    status, _ = get(ports["s3"], "/")
    return None if status else "it does not answer yet"


def service(name: str) -> Probe:
    def probe(ports: Ports) -> str | None:
        status, body = get(ports[name], "/health/ready")
        return None if status == 200 else reasons(body) or "it does not answer yet"

    return probe


def simulator(ports: Ports) -> str | None:
    status, _ = get(ports["simulator"], "/_sim/telegram/bots")
    return None if status == 200 else "it does not answer yet"


def nginx(ports: Ports) -> str | None:
    """Any answer will do: whether the services behind it are ready is asked of themselves."""
    status, _ = get(ports["gateway http"], "/health/live")
    return None if status else "it does not answer yet"


def reasons(body: str) -> str:
    """What a service's /health/ready says, on one line: the dependencies that are not up, and why."""
    with suppress(ValueError):
        answer = json.loads(body)
        if isinstance(answer, dict):
            found = answer.get("dependencies", answer.get("checks", answer))
            if isinstance(found, dict):
                return ", ".join(f"{name}: {_why(why)}" for name, why in found.items() if not _is_up(why))
    return body.strip()[:200]


def _is_up(why: object) -> bool:
    word = why.get("status", why.get("up")) if isinstance(why, dict) else why
    return word in ("up", "ok", "ready", True, None)


def _why(why: object) -> str:
    if not isinstance(why, dict):
        return str(why)
    return str(why.get("reason") or why.get("error") or why.get("detail") or why.get("status"))


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body; status 0 where nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(20_000).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


PROBES: dict[str, Probe] = {
    "kafka": kafka, "mongo": mongo, "redis": redis, "etcd": etcd, "s3": s3, "nginx": nginx, "simulator": simulator,
    **{name: service(name) for name in ("auth", "frontend", "router", "presence", "files", "webhooks")},
}  # fmt: skip
