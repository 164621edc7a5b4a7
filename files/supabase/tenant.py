"""
Makes Realtime's tenant, or brings it up to date, by Realtime's own API. Running it again changes nothing.
Environment: REALTIME_URL; TENANT_NAME; TRY_SECONDS, for each of two steps; API_JWT_SECRET and TENANT, its settings as JSON: secret, never shown.
Exit status: 0 the tenant is as wanted; 1 it is not, and the last line says why.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

PATH = "/api/tenants/" + os.environ["TENANT_NAME"]
TRY_SECONDS = float(os.environ["TRY_SECONDS"])
PAUSE_SECONDS = 2
# Realtime answers when it has migrated the tenant's database, for which it gives itself 50.
ANSWER_SECONDS = 60
TOKEN_SECONDS = 3600

REASONS = {
    401: "it has made the tenant, and could not migrate its database",
    403: "it does not take the token, so its API_JWT_SECRET is another one",
}


class Refused(Exception):
    """With the reason."""


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def bearer(secret):
    """A token as Realtime's API wants it (HS256)."""
    now = int(time.time())
    parts = [{"alg": "HS256", "typ": "JWT"}, {"iat": now, "exp": now + TOKEN_SECONDS}]
    text = b".".join(base64url(json.dumps(part).encode()) for part in parts)
    signature = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return f"Bearer {(text + b'.' + base64url(signature)).decode()}"


def ask(method, path, body=None):
    """The answer's content. Raises Refused."""
    headers = {"authorization": bearer(os.environ["API_JWT_SECRET"]), "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["REALTIME_URL"] + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read(300).decode(errors="replace")
        why = ": ".join(text for text in (REASONS.get(error.code), said) if text)
        raise Refused(f"{method} {path}: {error.code}: {why}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refused(f"{method} {path}: {error}") from None


def upsert():
    ask("PUT", PATH, {"tenant": json.loads(os.environ["TENANT"])})


def migrated():
    """
    A tenant that is there already is only written down: its database is migrated when it is asked for its health, or when a client comes.
    With clients and without a connection it is not healthy, either, and that says nothing of its database.
    """
    health = ask("GET", PATH + "/health")["data"]
    if not health["healthy"] and health["connected_cluster"] == 0:
        raise Refused("Realtime has not migrated the tenant's database: its own log says what it has tried")


def until_done(step):
    """Realtime may have just started, and its database may fail over."""
    end = time.monotonic() + TRY_SECONDS
    while True:
        try:
            return step()
        except Refused as refused:
            if time.monotonic() > end:
                sys.exit(f"not within {TRY_SECONDS:g} s: {refused}")
            print(refused, flush=True)
        time.sleep(PAUSE_SECONDS)


until_done(upsert)
until_done(migrated)
print(f"the tenant {os.environ['TENANT_NAME']} is as wanted")
