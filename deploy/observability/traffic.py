"""Simulated guests of a local stack and their failures, for `picture`: a bounded run on the loopback, always the same plan."""

import base64
import collections
import heapq
import http.client
import http.server
import itertools
import json
import random
import threading
import time
import urllib.parse

SECONDS = 100
EPISODES = ("Driven: guests come, wait and go; a desk answers some; a wrong token now and then; a thief, 25 to 40 s; a visitor over the limit, "
            "38 to 58 s; an operator ends ten chats at 60 s; ScopedAuthService stopped, 78 to 83 s. The desk's webhook fails every "
            "twelfth time, and answers 410 at times.")
DEPLOYMENT = "CV00000000000000000000000000000001"
API_KEY = "SK00000000000000000000000000000001"
ACCOUNT = "AC00000000000000000000000000000001"
FIREFOX = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0", "accept-language": "de"}


def drive(services, desk_url, site, data):
    """Runs the whole plan and counts the responses. An episode yields the seconds until its next step."""
    run = Run(services, desk_url, site, data)
    webhook(run)
    order, begin = itertools.count(), time.monotonic()
    plan = [(0, next(order), episode) for episode in (
        arrivals(run), desk(run), wrong_tokens(run), thief(run), crowd_of_one(run), operator(run), outage(run), key_file(run))]
    while plan and plan[0][0] < SECONDS:
        at, _, episode = heapq.heappop(plan)
        time.sleep(max(0, begin + at - time.monotonic()))
        wait = next(episode, None)
        while run.arrived:
            heapq.heappush(plan, (at, next(order), run.arrived.pop()))
        if wait is not None:
            heapq.heappush(plan, (at + wait, next(order), episode))
    time.sleep(max(0, begin + SECONDS - time.monotonic()))
    return run.answers


class Run:
    def __init__(self, services, desk_url, site, data):
        self.public, self.admin = services["orchestrator"][0], services["scoped-auth"][1]
        self.desk, self.site, self.data = desk_url, site, data
        self.random = random.Random(6)
        self.answers = collections.Counter()
        self.arrived, self.chats = [], {}

    def call(self, base, method, path, headers, body=None, address="127.0.0.1"):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=20, source_address=(address, 0))
        try:
            body = body if isinstance(body, str) else body and json.dumps(body)
            connection.request(method, path, body, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        fields = json.loads(text) if text else {}
        self.answers[fields.get("code") or answer.status] += 1
        return answer.status, fields

    def token(self, browser, what="", **members):
        return self.call(self.public, "POST", f"/v2/Webchat/Token{what}", browser.headers(),
                         {"deploymentKey": DEPLOYMENT, **members}, browser.address)


class Browser:
    """A browser's headers. Each has its own address, since the limits count per address."""

    def __init__(self, number):
        self.address = f"127.77.{1 + number // 250}.{1 + number % 250}"
        self.version, self.language, self.timezone, self.brand = 147, "en-US", 300, "Google Chrome"
        self.began = f"2026-11-20T20:00:00.{number:03}Z"

    def headers(self):
        settings = {"language": self.language, "cookieEnabled": True, "userTimezone": self.timezone}
        return {
            "user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                          f"Chrome/{self.version}.0.0.0 Safari/537.36",
            "accept-language": f"{self.language},{self.language[:2]};q=0.9",
            "accept-encoding": "gzip, deflate, br, zstd",
            "sec-ch-ua": f'"Chromium";v="{self.version}", "{self.brand}";v="{self.version}", "Not)A;Brand";v="24"',
            "sec-ch-ua-mobile": "?0",
            "sec-ch-ua-platform": '"Windows"',
            "origin": "https://shop.example.com",
            "x-twilio-sec-usersettings": json.dumps(settings),
            "x-twilio-sec-webchatinfo": json.dumps({"loginTimestamp": self.began}),
        }


def arrivals(run):
    for number in itertools.count():
        run.arrived.append(guest(run, number))
        yield run.random.uniform(0.5, 1.3)


def guest(run, number):
    """A chat: opened, written to and read, its token refreshed; optionally with changes of the browser."""
    browser, refusals = Browser(number), 0
    status, session = run.token(browser)
    if status != 200:
        return
    first = token = session["token"]
    channel = None
    run.chats[number] = browser, session["identity"], lambda: token
    for step in range(int(run.random.uniform(12, 40))):
        yield run.random.uniform(0.6, 1.4)
        bearer = {**browser.headers(), "authorization": f"Bearer {token}"}
        messages = f"/v2/WebChannels/{channel}/Messages"
        if channel is None:
            status, body = run.call(run.public, "POST", "/v2/WebChannels", bearer, {"customerFriendlyName": "Ada"}, browser.address)
            channel = body.get("conversation_sid")
            if channel:
                threading.Thread(target=wait, args=(run, number, channel), daemon=True).start()
        elif step % 8 == 5:
            happens(browser, number + step)
            status, body = run.token(browser, "/Refresh", token=token)
            token = body.get("token", token)
        elif step == 15 and number % 10 == 4:
            # An old copy of the storage was restored: this token was replaced, and its successor too.
            status, body = run.token(browser, "/Refresh", token=first)
        elif step % 3:
            status, body = run.call(run.public, "GET", messages, bearer, None, browser.address)
        else:
            status, body = run.call(run.public, "POST", messages, bearer, {"body": "Is anybody there?"}, browser.address)
        refusals += 400 <= status < 500
        if refusals > 3:
            break
    del run.chats[number]


def wait(run, number, channel):
    """The page's waiting requests, one after the other, until its chat ends."""
    after = 0
    while chat := run.chats.get(number):
        browser, _, token = chat
        headers = {**browser.headers(), "authorization": f"Bearer {token()}"}
        path = f"/v2/WebChannels/{channel}/Messages?after={after}&wait=5"
        try:
            status, body = run.call(run.public, "GET", path, headers, None, browser.address)
        except OSError:
            return
        if status != 200:
            time.sleep(1)
        after = body.get("last_index", after)


def desk(run):
    """Answers one of the newest conversations at a time, slower than the guests write."""
    secret = (run.data / "desk.secret").read_text()
    credentials = base64.b64encode(f"{API_KEY}:{secret}".encode()).decode()
    headers = {"authorization": f"Basic {credentials}", "content-type": "application/x-www-form-urlencoded"}
    while True:
        yield run.random.uniform(0.6, 1.4)
        _, body = run.call(run.desk, "GET", "/v1/Conversations?State=active&PageSize=20", headers)
        if found := body.get("conversations"):
            messages = f"/v1/Conversations/{run.random.choice(found)['sid']}/Messages"
            run.call(run.desk, "POST", messages, headers, "Author=Grace&Body=Somebody+is+here")


def webhook(run):
    """A webhook of the account, and its receiver, which fails now and then."""
    numbers = itertools.count(1)

    class Receiver(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            number = next(numbers)
            self.send_response(410 if number % 97 == 0 else 503 if number % 12 == 0 else 204)
            if number % 97 == 0 or number % 12 == 0:
                self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    secret = base64.b64encode(bytes(range(32))).decode()
    (run.data / "webhook.secret").write_text(f"whsec_{secret}\n")
    table = (f'[[account.webhook]]\nurl = "http://127.0.0.1:{receiver.server_port}/"\n'
             'signing_secret_file = "webhook.secret"\n\n')
    accounts = run.data / "accounts.toml"
    text = accounts.read_text()
    end = text.find("[[account]]", text.index(ACCOUNT))
    accounts.write_text(text[:end] + table + text[end:])


def happens(browser, kind):
    if kind % 3 == 0:
        browser.version += 1
    if kind % 4 == 0:
        browser.address = browser.address.replace("127.77.", "127.99.")
    if kind % 5 == 0:
        browser.timezone -= 60
    if kind % 7 == 0:
        browser.language = "fr-FR"
    if kind % 11 == 0:
        browser.timezone -= 360
    if kind % 23 == 0:
        browser.brand = "Brave"


def wrong_tokens(run):
    stranger = Browser(900)
    while True:
        yield run.random.uniform(1.5, 4)
        run.token(stranger, "/Refresh", token="eyJhbGciOiJkaXIifQ..made.up.token")
        for browser, _, token in list(run.chats.values())[:1]:
            run.token(browser, "/Refresh", token=token()[:-4] + "AAAA")


def thief(run):
    yield 25
    for number in range(45):
        for _, _, token in list(run.chats.values())[number % 5:][:1]:
            run.call(run.public, "POST", "/v2/Webchat/Token/Refresh", {**FIREFOX, "origin": "https://shop.example.com"},
                     {"deploymentKey": DEPLOYMENT, "token": token()}, "127.66.0.1")
        yield 1 / 3


def crowd_of_one(run):
    """A visitor that creates many sessions."""
    yield 38
    visitor = Browser(901)
    for _ in range(80):
        run.token(visitor)
        yield 0.25


def operator(run):
    yield 60
    secret = (run.data / "operator.secret").read_text().strip()
    for _, identity, _ in list(run.chats.values())[-10:]:
        run.call(run.admin, "POST", "/v1/Revocations", {"authorization": f"Bearer {secret}"},
                 {"accountSid": ACCOUNT, "identity": identity})


def outage(run):
    """Uses the demo page's control route."""
    yield 78
    run.call(run.site, "POST", "/control/scoped-auth", {"origin": run.site}, {"on": False})
    yield 5
    run.call(run.site, "POST", "/control/scoped-auth", {"origin": run.site}, {"on": True})


def key_file(run):
    """An operator's edits of the key file: valid ones, and two invalid ones."""
    keys = run.data / "keys.json"
    good = keys.read_text()
    for number in range(6):
        yield 11
        keys.write_text(good[:-2] if number in (2, 4) else good + "\n" * number)
