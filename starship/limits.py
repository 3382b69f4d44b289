"""Tests of the limits per client: connections, memory and time. Addresses are in 127.0.0.0/8, or set by a trusted proxy in
front."""

import contextlib
import pathlib
import resource
import select
import socket
import threading
import time

from harness import MESSAGES, Starship, equal, own

# Addresses come from X-Forwarded-For, as behind a load balancer.
BEHIND_A_PROXY = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;"
PAGE = 64 * 1024


class Holding:
    """An upstream that accepts requests and responds only when released."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.settimeout(10)
        self.port = self.listener.getsockname()[1]
        self.held = []

    def take(self, requests):
        """Returns when this many more requests have arrived."""
        for _ in range(requests):
            connection, _ = self.listener.accept()
            connection.settimeout(10)
            assert connection.recv(1), "nginx sent nothing"
            self.held.append(connection)

    def close(self):
        for connection in [self.listener, *self.held]:
            connection.close()


class Clients:
    """Requests in progress, each on its own connection."""

    def __init__(self, starship):
        self.starship, self.connections = starship, []

    def send(self, text, source="127.0.0.1", receive_buffer=None):
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.bind((source, 0))
        connection.settimeout(10)
        connection.connect(("127.0.0.1", self.starship.port))
        connection.sendall(text)
        self.connections.append(connection)

    def close(self):
        for connection in self.connections:
            connection.close()


def get(address, path="/", method="GET"):
    length = "content-length: 0\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: {address}\r\n{length}\r\n".encode()


@contextlib.contextmanager
def holding():
    """A Starship whose upstream holds all requests."""
    upstream = Holding()
    starship = Starship(upstream.port, timeout="30s", include=BEHIND_A_PROXY)
    clients = Clients(starship)
    try:
        yield starship, upstream, clients
    finally:
        clients.close()
        upstream.close()
        starship.stop()


def limited(starship, address, path="/", method="GET"):
    answer = starship.send(get(address, path, method))
    own(answer, 429, "rate_limited")
    equal(answer.all("ratelimit-policy"), ['"connections";q=32;qu="concurrent-requests"'])


def in_progress(clients, upstream, address, path="/", method="GET"):
    """Asserts that one more request from this address reaches the upstream."""
    clients.send(get(address, path, method))
    upstream.take(1)


def test_a_visitor_has_32_requests_in_progress(_, __):
    for inside, same, other in [
        (["203.0.113.9"], "203.0.113.9", "203.0.113.10"),
        (["::ffff:203.0.113.9"], "::ffff:203.0.113.9", "::ffff:203.0.113.10"),
        ([f"2001:db8:1:2::{n:x}" for n in range(1, 33)], "2001:db8:1:2:ffff::1", "2001:db8:1:3::1"),
        # Line breaks and zeros are ordinary bytes.
        ([f"2001:a0a:a0a:0:a0a::{n:x}" for n in range(1, 33)], "2001:a0a:a0a::1", "2001:a0a:a0a:a0a::1"),
    ]:
        with holding() as (starship, upstream, clients):
            for n in range(32):
                in_progress(clients, upstream, inside[n % len(inside)])
            limited(starship, same)
            in_progress(clients, upstream, other)


def test_neighbours_have_512_requests_in_progress(_, __):
    for address, other in [
        (lambda n: f"203.0.113.{n}", "203.0.112.1"),
        (lambda n: f"2001:db8:1:{n:x}::1", "2001:db8:2::1"),
    ]:
        with holding() as (starship, upstream, clients):
            for n in range(512):
                in_progress(clients, upstream, address(n // 32))
            limited(starship, address(16))
            in_progress(clients, upstream, other)


def test_a_visitor_sends_8_messages_at_a_time(_, __):
    with holding() as (starship, upstream, clients):
        for _ in range(8):
            in_progress(clients, upstream, "203.0.113.9", MESSAGES, "POST")
        limited(starship, "203.0.113.9", MESSAGES, "POST")
        in_progress(clients, upstream, "203.0.113.9", MESSAGES)
        in_progress(clients, upstream, "203.0.113.10", MESSAGES, "POST")


def test_half_sent_heads_reset_nobody_else(starship, _):
    heads = 9_000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert most > 2 * heads, f"the test needs {2 * heads} open files, and the limit is {most}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    clients = Clients(starship)
    started = time.monotonic()
    try:
        for _ in range(heads):
            clients.send(b"GET / HTTP/1.1\r\nhost: a\r\nx: ", source="127.0.0.2")
        # A slow machine may not send all of them within the first one's deadline.
        held = sum(is_open(connection) for connection in clients.connections)
        print(f"        {held} half-sent heads at a time")
        assert held > 4096, f"{held} are fewer than nginx ever held"
        equal([starship.ask("GET", "/with").status for _ in range(100)], [200] * 100)
        # Each is closed at its deadline.
        for connection in clients.connections:
            assert_ends(connection, started + 15)
    finally:
        clients.close()


def is_open(connection):
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return not poll.poll(0)


def assert_ends(connection, until):
    connection.settimeout(max(0.01, until - time.monotonic()))
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(4096):
            pass


class Pages(threading.Thread):
    """An upstream that responds to each request with a page of messages."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.poll, self.connections = select.epoll(), {}
        self.poll.register(self.listener, select.EPOLLIN)
        self.ends = False

    def run(self):
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {PAGE}\r\n\r\n".encode()
        while not self.ends:
            for number, _ in self.poll.poll(0.1):
                if number == self.listener.fileno():
                    connection, _ = self.listener.accept()
                    connection.setblocking(False)
                    self.connections[connection.fileno()] = [connection, b""]
                    self.poll.register(connection, select.EPOLLIN)
                    continue
                entry = self.connections[number]
                try:
                    if not entry[1]:
                        if not entry[0].recv(8192):
                            raise ConnectionError
                        entry[1] = head + b"x" * PAGE
                    entry[1] = entry[1][entry[0].send(entry[1]):]
                    self.poll.modify(entry[0], select.EPOLLOUT if entry[1] else select.EPOLLIN)
                except BlockingIOError:
                    pass
                except OSError:
                    self.poll.unregister(entry[0])
                    self.connections.pop(number)[0].close()

    def close(self):
        self.ends = True
        self.join()
        for connection, _ in self.connections.values():
            connection.close()
        self.listener.close()


def memory(process, line):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(next(text for text in status.splitlines() if text.startswith(line)).split()[1]) * 1024


def test_a_thousand_unread_answers_end_and_take_bounded_memory(_, __):
    pages = Pages()
    pages.start()
    starship = Starship(pages.port, timeout="30s")
    clients = Clients(starship)
    try:
        worker = starship.worker()
        before = memory(worker, "VmRSS:")
        started = time.monotonic()
        for n in range(1024):
            clients.send(get("-"), source=f"127.0.{n // 256}.{n % 256 // 32 + 1}", receive_buffer=4096)
        for connection in clients.connections:
            head = connection.recv(15)
            equal(head, b"HTTP/1.1 200 OK")
        # `send_timeout`: the connections are reset although the clients have read nothing more.
        poll = select.poll()
        left = {connection.fileno() for connection in clients.connections}
        for number in left:
            poll.register(number, 0)
        while left:
            assert time.monotonic() - started < 20, f"{len(left)} unread answers are still held"
            for number, _ in poll.poll(1000):
                poll.unregister(number)
                left.discard(number)
        taken = memory(worker, "VmHWM:") - before
        assert taken < 64 * 1024 * 1024, f"{taken >> 20} MiB for 1,024 unread answers"
        print(f"        {taken >> 20} MiB for 1,024 unread answers")
    finally:
        clients.close()
        pages.close()
        starship.stop()
