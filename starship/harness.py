"""Shared by Starship's tests: a real nginx with the template, a scripted upstream, and checks of responses."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).resolve().parent
ORIGIN = "https://shop.example.com"
LIST = "https://shop.example.com, https://*.example.org"
# The longest list that a deployment can have: ten origins of 253 characters.
TEN_ORIGINS = ", ".join(["https://" + "a" * 245] * 10)
# The upstream's clock differs from nginx's.
MESSAGES = "/v2/WebChannels/CH00000000000000000000000000000001/Messages"
DATE = "Thu, 01 Jan 2099 00:00:00 GMT"


class Script(BaseHTTPRequestHandler):
    """The upstream's response, chosen by the path."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        if "wait=2" in self.path:
            time.sleep(3)
        if path == "/slow":
            time.sleep(3)
        elif path == "/half":
            # The upstream's allowed origin must not appear in Starship's own response, nor suppress its `*`.
            self.wfile.write(f"HTTP/1.1 200 OK\r\naccess-control-allow-origin: {ORIGIN}\r\n".encode())
            self.close_connection = True
        elif path == "/cut":
            self.close_connection = True
        else:
            headers = {
                "/with": {"access-control-allow-origin": ORIGIN, "vary": "Origin", "request-id": "of-the-service"},
                "/list": {"access-control-allow-origin": LIST},
                "/large": {"access-control-allow-origin": ORIGIN},
                "/nonce": {"dpop-nonce": "of-the-service", "access-control-expose-headers": "dpop-nonce"},
                MESSAGES: {"access-control-allow-origin": ORIGIN, "access-control-expose-headers": "request-id, retry-after", "vary": "Origin"},
                "/ten": {"access-control-allow-origin": TEN_ORIGINS},
            }.get(path, {})
            status = 413 if path == "/large" or len(body) > 100 * 1024 else 200
            seen = [[name.lower(), value] for name, value in self.headers.items()]
            self.say(status, headers, {"seen": seen, "connection": self.client_address[1], "body": len(body), "path": self.path})

    do_GET = do_POST = do_OPTIONS = answer

    def say(self, status, headers, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {**headers, "content-type": "application/json", "content-length": str(len(body))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp=None):
        return DATE

    def log_message(self, *_):
        pass


class Upstream:
    """The scripted upstream; can be stopped and restarted at the same address."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def __init__(self, address):
            self.connections = []
            super().__init__(address, Script)

        def process_request(self, request, client_address):
            self.connections.append(request)
            super().process_request(request, client_address)

        def handle_error(self, *_):
            pass

    def __init__(self):
        self.port = 0
        self.start()

    def start(self):
        self.server = self.Server(("127.0.0.1", self.port))
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @contextlib.contextmanager
    def stopped(self):
        self.stop()
        try:
            yield
        finally:
            self.start()


class Starship:
    """nginx with the template, in a directory of its own and without privileges."""

    def __init__(self, upstream_port, certificate=None, timeout="1s", include=None):
        """`include` is the text of a file of `http` directives."""
        self.trust = certificate and ssl.create_default_context(cafile=certificate[0])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="starship-"))
        self.output = open(self.directory / "output", "wb")
        as_nobody = {}
        if os.geteuid() == 0:
            as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self.directory, "nobody")
            shutil.chown(self.directory / "output", "nobody")
        environment = {
            "PATH": os.environ["PATH"] + ":/usr/sbin",
            "STARSHIP_LISTEN": f"127.0.0.1:{self.port}",
            "STARSHIP_UPSTREAM": f"127.0.0.1:{upstream_port}",
            "STARSHIP_TIMEOUT": timeout,
        }
        if include:
            (self.directory / "more.conf").write_text(include)
            environment["STARSHIP_INCLUDE"] = str(self.directory / "more.conf")
        if certificate:
            environment["STARSHIP_CERTIFICATE"], environment["STARSHIP_CERTIFICATE_KEY"] = certificate
        self.process = subprocess.Popen(
            ["/bin/sh", HERE / "start", self.directory],
            env=environment, stdout=self.output, stderr=subprocess.STDOUT, **as_nobody,
        )
        self.wait()

    def wait(self):
        end = time.monotonic() + 10
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        output = self.log()
        self.stop()
        sys.exit(f"nginx did not start:\n{output}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.output.close()
        shutil.rmtree(self.directory)

    def log(self):
        return (self.directory / "output").read_text()

    def worker(self):
        """The id of the process that serves requests."""
        [worker] = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(worker)

    def ask(self, method, path, headers=(), body=None):
        if self.trust:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=self.trust)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read())
        connection.close()
        return answer

    def send(self, head):
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(head)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return Answer(response.status, response.getheaders(), response.read())


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def all(self, name):
        return [value for given, value in self.headers if given.lower() == name]

    def json(self):
        return json.loads(self.body)

    def seen(self, name):
        """The values of this header at the upstream."""
        return [value for given, value in self.json()["seen"] if given == name]


def equal(found, expected):
    assert found == expected, f"{found!r}, not {expected!r}"


def own(answer, status, code, retry_after=("1",)):
    """One of Starship's own responses, in the contract's format."""
    equal(answer.status, status)
    equal(answer.all("content-type"), ["application/json"])
    body = answer.json()
    equal((body["valid"], body["code"], sorted(body)), (False, code, ["code", "message", "valid"]))
    equal(answer.all("access-control-allow-origin"), ["*"])
    equal(answer.all("vary"), ["Origin"])
    equal(answer.all("cache-control"), ["no-store"])
    if status in (429, 503):
        [given] = answer.all("retry-after")
        assert given in retry_after, f"{given}, not one of {retry_after}"
    else:
        equal(answer.all("retry-after"), [])
    equal(len(answer.all("request-id")), 1)
    assert "nginx/" not in str(answer.headers), "the server's version is told"


