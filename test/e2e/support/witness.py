"""What a client of etcd sees while members restart: runs on a node, as the user patroni, over the JSON gateway.

    witness.py SETTINGS

SETTINGS is a JSON file: endpoints and health URLs by member, user, password, CA, certificate, key, prefix, the file
that ends the run, and the number of seconds after which it ends anyway. Every 50 ms a numbered key is written, to
each endpoint in turn; when one fails, the next one gets the same key. The health of every member is looked at ten
times a second. Prints JSON: the acknowledged numbers, the longest time between two of them, failed attempts by
endpoint, and every change of a member's health. Times are seconds of CLOCK_MONOTONIC, which systemd's
...Monotonic timestamps share.
"""
import base64
import http.client
import json
import os
import ssl
import sys
import threading
import time
import urllib.request

WRITE_EVERY = 0.05
LOOK_EVERY = 0.1
TIMEOUT = 1.0


def encode(text):
    return base64.b64encode(text.encode()).decode()


class Endpoint:
    """One member's gateway: a kept connection and a token, both made anew after a failure."""

    def __init__(self, address, settings, tls):
        self.address, self.settings, self.tls = address, settings, tls
        self.connection = self.token = None
        self.acknowledged = 0
        self.failures = {}

    def call(self, path, body):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(self.address, timeout=TIMEOUT, context=self.tls)
        headers = {"Authorization": self.token} if self.token else {}
        self.connection.request("POST", path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def put(self, key, value):
        """True when the write is acknowledged."""
        try:
            for _ in range(2):
                if self.token is None:
                    login = {"name": self.settings["user"], "password": self.settings["password"]}
                    self.token = self.call("/v3/auth/authenticate", login)[1]["token"]
                status, answer = self.call("/v3/kv/put", {"key": encode(key), "value": encode(value)})
                if status == 200:
                    self.acknowledged += 1
                    return True
                # A member that has restarted does not know the token any more.
                self.token = None
            raise RuntimeError(answer.get("message", status))
        except (OSError, http.client.HTTPException, KeyError, ValueError, RuntimeError) as error:
            why = f"{type(error).__name__}: {error}"
            self.failures[why] = self.failures.get(why, 0) + 1
            self.connection = self.token = None
            return False


def write(settings, endpoints, is_over):
    """Answers the acknowledged numbers with the time of their acknowledgement."""
    acknowledged = []
    number = 0
    due = time.monotonic()
    while not is_over():
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + WRITE_EVERY, time.monotonic())
        number += 1
        turn = [endpoints[(number + i) % len(endpoints)] for i in range(len(endpoints))]
        if any(endpoint.put(f"{settings['prefix']}{number:06d}", str(number)) for endpoint in turn):
            acknowledged.append((number, time.monotonic()))
    return acknowledged


def watch(member, url, changes, is_over):
    """Notes when the member begins or ceases to serve linearizable reads."""
    was_healthy = None
    while not is_over():
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                healthy = json.load(answer)["health"] == "true"
        except (OSError, ValueError):
            healthy = False
        if healthy != was_healthy:
            changes.append({"member": member, "healthy": healthy, "at": time.monotonic()})
        was_healthy = healthy
        time.sleep(LOOK_EVERY)


def main():
    with open(sys.argv[1]) as file:
        settings = json.load(file)
    tls = ssl.create_default_context(cafile=settings["ca"])
    tls.load_cert_chain(settings["cert"], settings["key"])
    endpoints = [Endpoint(address, settings, tls) for address in settings["endpoints"]]
    begun = time.monotonic()

    def is_late():
        return time.monotonic() > begun + settings["seconds"]

    def is_over():
        return os.path.exists(settings["stop"]) or is_late()

    changes = []
    for member, url in settings["health"].items():
        threading.Thread(target=watch, args=(member, url, changes, is_over)).start()
    acknowledged = write(settings, endpoints, is_over)
    times = [at for _, at in acknowledged]
    print(json.dumps({
        "acknowledged": [number for number, _ in acknowledged],
        "longestGapSeconds": max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0),
        "endpoints": [
            {"address": each.address, "acknowledged": each.acknowledged, "failures": each.failures}
            for each in endpoints
        ],
        "health": changes,
        "seconds": time.monotonic() - begun,
        "timeWasUp": is_late(),
    }))


main()
