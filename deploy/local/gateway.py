"""Fills in Nginx's configuration: where it listens, whom it asks, and how its own errors read."""

from __future__ import annotations

import os
from pathlib import Path
from string import Template

from deploy.local.places import Places
from deploy.local.ports import Ports

TEMPLATE = Path(__file__).resolve().parents[1] / "nginx" / "nginx.conf.template"
DOCUMENTS = Path(__file__).resolve().parents[2] / "docs" / "api"
MOST_FILES = 16384

# what Nginx says, as which status, with which code and words
ERRORS = (
    ((400,), 400, "bad_request", "Bad Request", "The request could not be read."),
    ((404,), 404, "not_found", "Not Found", "There is nothing here."),
    ((405,), 405, "method_not_allowed", "Method Not Allowed", "This method is not allowed here."),
    ((413,), 413, "too_large", "Content Too Large", "A request body may have at most 1 MiB."),
    ((414,), 414, "uri_too_long", "URI Too Long", "The address of the request is too long."),
    ((494,), 431, "headers_too_large", "Request Header Fields Too Large", "The headers of the request are too large."),
    ((497,), 400, "tls_required", "Bad Request", "This port speaks TLS only: use https."),
    ((426,), 426, "upgrade_required", "Upgrade Required", "This address speaks WebSocket only, version 13."),
    ((500,), 500, "internal_error", "Internal Server Error", "The gateway failed."),
    ((501,), 501, "not_implemented", "Not Implemented", "Of transfer codings only chunked is known here."),
    ((502, 503, 504), 503, "unavailable", "Service Unavailable", "A service is not available now: try again."),
    ((505,), 505, "http_version_not_supported", "HTTP Version Not Supported", "Use HTTP/1.1."),
)
HEADERS = {
    405: 'add_header Allow "DELETE, GET, HEAD, PATCH, POST, PUT" always;',
    503: "add_header Retry-After 1 always;",
    426: "add_header Upgrade websocket always;\nadd_header Sec-WebSocket-Version 13 always;",
}
# `add_header` in a location replaces those of the server
COMMON = """\
add_header X-Request-Id $trace_id always;
            add_header X-Content-Type-Options nosniff always;
            add_header Referrer-Policy no-referrer always;
            add_header X-Frame-Options DENY always;"""
# of the page that shows the API: whatever its scripts may try, it loads and asks nothing but this gateway
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def configuration(places: Places, ports: Ports) -> str:
    return Template(TEMPLATE.read_text()).substitute(
        d="$",
        run=places.run,
        secrets=places.secrets,
        user="user root root;" if os.geteuid() == 0 else "",
        open_files=MOST_FILES,
        connections=MOST_FILES // 2,
        auth=ports["auth"],
        frontend=ports["frontend"],
        presence=ports["presence"],
        files=ports["files"],
        webhooks=ports["webhooks"],
        presence_websocket=ports["presence websocket"],
        documents=DOCUMENTS,
        page_policy=PAGE_POLICY,
        common=COMMON,
        listen=_indent("\n".join(_listen(ports)), 8),
        errors=_indent("\n".join(_error(*error) for error in ERRORS), 8),
    )


def has_ipv6(table: Path = Path("/proc/net/if_inet6")) -> bool:
    """Whether `localhost` may also mean ::1 here."""
    return table.exists() and any(line.split()[-1] == "lo" for line in table.read_text().splitlines())


def _listen(ports: Ports) -> list[str]:
    hosts = ["127.0.0.1", "[::1]"] if has_ipv6() else ["127.0.0.1"]
    kinds = (("gateway http", "backlog=4096"), ("gateway https", "ssl backlog=4096"))
    return [f"listen {host}:{ports[part]} {options};" for part, options in kinds for host in hosts]


def _error(caught: tuple[int, ...], status: int, code: str, title: str, detail: str) -> str:
    problem = (
        f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}",'
        f'"instance":"$instance","code":"{code}","trace_id":"$problem_trace"}}'
    )
    lines = [
        # a path, because a request that nginx could not read has none from which to go to a named location
        f"error_page {' '.join(map(str, caught))} ={status} /-/{code};",
        f"location = /-/{code} {{",
        "    internal;",
        "    default_type application/problem+json;",
    ]
    if status in HEADERS:
        lines += [f"    {line.strip()}" for line in (HEADERS[status] + "\n" + COMMON).splitlines()]
    return "\n".join([*lines, f"    return {status} '{problem}';", "}"])


def _indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())
