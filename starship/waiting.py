"""Tests of requests that wait for a message: their location's timeouts, limits and headers."""

import contextlib
import re
import time

from harness import HERE, MESSAGES, ORIGIN, equal, own
from limits import get, holding, memory

WAIT = MESSAGES + "?after=0&wait=25"
# The service's longest wait (contract, section 12).
LONGEST_WAIT = 25
RETRY_AFTER = ("5", "8", "11", "14")


def test_a_wait_may_be_longer_than_other_requests(starship, _):
    # The scripted service responds after 3 s, and STARSHIP_TIMEOUT is 1 s.
    started = time.monotonic()
    for path in [WAIT, MESSAGES + "?wait=2"]:
        answer = starship.ask("GET", path, {"origin": ORIGIN, "webchat-after": "0"})
        equal(answer.status, 200)
        equal(answer.all("access-control-allow-origin"), [ORIGIN])
        equal(answer.all("access-control-expose-headers"), ["request-id, retry-after"])
        equal(answer.all("vary"), ["Origin"])
        equal(answer.seen("webchat-after"), ["0"])
        equal(answer.seen("x-forwarded-for"), ["127.0.0.1"])
        equal(answer.json()["path"], path)
    assert time.monotonic() - started > 4
    for method, path in [("POST", WAIT), ("GET", "/slow?wait=25")]:
        own(starship.ask(method, path), 504, "upstream_timeout")


def test_the_timeout_is_longer_than_the_longest_wait(_, __):
    template = (HERE / "nginx.conf.template").read_text()
    [location] = re.findall(r"location = /starship/waiting \{(.*?)\n        \}", template, re.S)
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s;", location)
    assert int(seconds) >= LONGEST_WAIT + 10, f"{seconds} s"


def test_files_and_connections_bear_all_limits(_, __):
    template = (HERE / "nginx.conf.template").read_text()
    [files], [connections] = (re.findall(rf"{name} (\d+);", template) for name in ["worker_rlimit_nofile", "worker_connections"])
    limits = dict(re.findall(r"limit_conn (requests|waiting) (\d+);", template))
    assert int(files) > int(connections), f"{files} files for {connections} connections"
    # Both sides of each, and as many connections without a request as a visitor can open in 5 s.
    assert int(connections) >= 2 * sum(map(int, limits.values())) + 8192, f"{connections} connections for {limits}"


def test_a_waiting_request_takes_no_place_of_others(_, __):
    with holding() as (starship, upstream, clients):
        for _ in range(128):
            clients.send(get("203.0.113.9", WAIT))
        upstream.take(128)
        answer = starship.send(get("203.0.113.9", WAIT))
        own(answer, 429, "rate_limited", RETRY_AFTER)
        equal(answer.all("ratelimit-policy"), ['"connections";q=128;qu="concurrent-requests"'])
        # Neither does one that does not wait.
        for path in [MESSAGES, MESSAGES + "?wait=0", MESSAGES + "?after=0&wait=00", MESSAGES + "?await=25"]:
            clients.send(get("203.0.113.9", path))
            upstream.take(1)
        clients.send(get("203.0.113.10", WAIT))
        upstream.take(1)


def test_guests_that_cannot_wait_return_spread_over_seconds(starship, upstream):
    with upstream.stopped():
        delays = {starship.ask("GET", WAIT).all("retry-after")[0] for _ in range(100)}
        equal(delays, set(RETRY_AFTER))
        own(starship.ask("GET", WAIT), 503, "upstream_unavailable", RETRY_AFTER)
        own(starship.ask("GET", MESSAGES), 503, "upstream_unavailable")


def test_the_path_of_the_location_is_nobodys(starship, _):
    for path in ["/starship/waiting", "/starship/waiting?wait=25"]:
        own(starship.ask("GET", path), 404, "not_found", ())


def test_a_guest_that_goes_away_frees_its_place(_, __):
    with holding() as (starship, upstream, clients):
        clients.send(get("203.0.113.9", WAIT))
        upstream.take(1)
        clients.close()
        [held] = upstream.held
        with contextlib.suppress(ConnectionResetError):
            # The rest of the head, then the end.
            while held.recv(4096):
                pass


def test_a_thousand_waiting_requests_take_bounded_memory(_, __):
    with holding() as (starship, upstream, clients):
        before = memory(starship.worker(), "VmRSS:")
        token = f"authorization: Bearer {'t' * 8192}\r\n".encode()
        for n in range(1024):
            head = get(f"203.0.{n // 32}.{n % 32}", WAIT)
            clients.send(head[:-2] + token + b"\r\n")
            upstream.take(1)
        taken = (memory(starship.worker(), "VmRSS:") - before) // 1024
        print(f"        {taken >> 10} KiB for each waiting request with the longest token")
        assert taken < 40 * 1024
