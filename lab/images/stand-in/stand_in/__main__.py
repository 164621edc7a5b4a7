"""`python3 -m stand_in`: for the service that the pod is named after. Ready when environment, role and bucket are as that one wants them."""

import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

from .bucket import wrong_bucket
from .database import wrong_rights
from .requirements import missing
from .rest import read_table
from .tenants import Request
from .tenants import answer as tenant_api

SERVICE = os.environ.get("STAND_IN_FOR") or socket.gethostname().split("-")[0]
PORTS = {
    **{"auth": [9999], "rest": [3000, 3001], "realtime": [4000], "storage": [5000]},
    **{"imgproxy": [8080], "meta": [8080], "studio": [3000], "functions": [9000]},
}
PROBES = ("/health", "/ready", "/healthcheck", "/status", "/api/platform/profile")
LOOK_AGAIN_SECONDS = 3

troubles: list[str] = ["not looked yet"]


def look() -> list[str]:
    env = dict(os.environ)
    wrong = missing(SERVICE, env)
    if wrong:
        return wrong
    try:
        return wrong_rights(SERVICE, env) + wrong_bucket(SERVICE, env)
    except psycopg2.Error as error:
        return [str(error).strip().splitlines()[0]]


def look_until_well() -> None:
    """Once well, always well: a failover of the database is not this service's trouble."""
    global troubles
    while True:
        found = look()
        if found != troubles:
            print(f"stand-in for {SERVICE}: " + ("; ".join(found) or "ready"), flush=True)
        troubles = found
        if not found:
            return
        time.sleep(LOOK_AGAIN_SECONDS)


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self, status: int, content: object) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _any(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path.partition("?")[0] in PROBES:
            self._answer(503 if troubles else 200, {"stand_in_for": SERVICE, "troubles": troubles})
        elif SERVICE == "rest":
            self._answer(*read_table(dict(os.environ), self.path, self.headers.get("authorization")))
        elif SERVICE == "realtime" and self.path.startswith("/api/tenants"):
            self._answer(*tenant_api(dict(os.environ), Request(self.command, self.path, self.headers, sent)))
        else:
            self._answer(501, {"stand_in_for": SERVICE, "message": "the real service's image is in no package registry"})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any

    def log_message(self, *_: object) -> None:
        pass


threading.Thread(target=look_until_well, daemon=True).start()
servers = [ThreadingHTTPServer(("0.0.0.0", port), Service) for port in PORTS[SERVICE]]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
