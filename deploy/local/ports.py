"""Which port each part listens on: one base, and a fixed offset per part."""

from __future__ import annotations

DEFAULT_BASE = 8000
OFFSETS = {
    "gateway http": 80,
    "gateway https": 443,
    "kafka": 110,
    "kafka controller": 111,
    "mongo": 120,
    "redis": 130,
    "etcd": 140,
    "etcd peer": 141,
    "s3": 150,
    "auth": 201,
    "frontend": 202,
    "router": 203,
    "presence": 204,
    "presence websocket": 205,
    "files": 206,
    "files internal": 216,
    "webhooks": 207,
    "simulator": 300,
}
HIGHEST_BASE = 65535 - max(OFFSETS.values())


class Ports:
    """`ports["kafka"]` is where Kafka listens with this base."""

    def __init__(self, base: int) -> None:
        self.base = base

    def __getitem__(self, part: str) -> int:
        return self.base + OFFSETS[part]

    def of(self, process: str) -> dict[str, int]:
        """Every port of one process: `etcd` has two, the gateway is called nginx as a process."""
        name = "gateway" if process == "nginx" else process
        return {part: self[part] for part in OFFSETS if part.split()[0] == name}
