"""A load balancer's target. Answers what it sees, keeps connections open, and is healthy or not as told.

Usage: target.py NAME. Port 7000 expects the PROXY protocol's version 2: for each line that comes it answers with its name,
the peer's address and the client's address in the header. Port 7001 is the same without the header. Port 7002 answers
HTTP with the status in /run/health (200 when there is none).
"""
import pathlib
import socket
import socketserver
import sys
import threading

NAME = sys.argv[1]


class Echo(socketserver.StreamRequestHandler):
    with_header = False

    def handle(self):
        client = "-"
        if self.with_header:
            head = self.rfile.read(16)
            assert head[:13] == b"\r\n\r\n\x00\r\nQUIT\n\x21", head
            body = self.rfile.read(int.from_bytes(head[14:16], "big"))
            client = socket.inet_ntoa(body[:4])
        for _ in self.rfile:
            self.wfile.write(f"{NAME} {self.client_address[0]} {client}\n".encode())


class WithHeader(Echo):
    with_header = True


class Health(socketserver.StreamRequestHandler):
    def handle(self):
        path = self.rfile.readline().split()[1].decode()
        file = pathlib.Path("/run/health")
        status = file.read_text().strip() if file.exists() else "200"
        if path != "/healthz":
            status = "404"
        self.wfile.write(f"HTTP/1.0 {status} x\r\n\r\nI am {NAME}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


for port, handler in ((7000, WithHeader), (7001, Echo), (7002, Health)):
    threading.Thread(target=Server(("", port), handler).serve_forever).start()
