"""A bridge between guests and a second desk with an HTTP API of its own.

Webhooks only say that something happened; the bridge then reads the conversation at the desk's API and writes to the second
desk what is new. Its state is one SQLite file. Every write can be repeated, so either side may restart at any moment.
"""
import json, os, sqlite3, threading, time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen
from standardwebhooks import Webhook, WebhookVerificationError

KEY = b64encode(f"{os.environ['API_KEY']}:{os.environ['API_SECRET']}".encode()).decode()
HERE, THERE = os.environ["DESK_URL"] + "/v1", os.environ["SECOND_DESK_URL"]
webhook, woken = Webhook(os.environ["SIGNING_SECRET"]), threading.Event()
open_database = lambda: sqlite3.connect(os.environ["BRIDGE_DATABASE"], isolation_level=None)
open_database().executescript("""
    CREATE TABLE IF NOT EXISTS seen (webhook_id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS conversations (sid TEXT PRIMARY KEY, forwarded INTEGER, is_due INTEGER);
    CREATE TABLE IF NOT EXISTS replies (last INTEGER); INSERT INTO replies SELECT -1 WHERE NOT EXISTS (SELECT 1 FROM replies);""")

def call(method, url, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    if data: headers["Content-Type"] = "application/json"
    with urlopen(Request(url, data, headers, method=method), timeout=10) as response:
        return json.loads(response.read() or "null")

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            event = webhook.verify(self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers))
        except WebhookVerificationError:
            return self.send_error(401)
        database = open_database()
        if database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [self.headers["webhook-id"]]).rowcount:
            database.execute("INSERT INTO conversations VALUES (?, -1, 1) ON CONFLICT DO UPDATE SET is_due = 1",
                             [event["data"]["conversation_sid"]])
        self.send_response(204); self.end_headers(); woken.set()

def forward(database, sid, forwarded):
    database.execute("UPDATE conversations SET is_due = 0 WHERE sid = ?", [sid])
    url = f"{HERE}/Conversations/{sid}/Messages?Order=asc"
    while url:
        page = call("GET", url, Authorization=f"Basic {KEY}")
        for message in page["messages"]:
            if message["index"] > forwarded and message["side"] == "guest":
                call("PUT", f"{THERE}/tickets/{sid}/{message['sid']}", {"text": message["body"]})
            database.execute("UPDATE conversations SET forwarded = max(forwarded, ?) WHERE sid = ?", [message["index"], sid])
        url = page["meta"]["next_page_url"]

def work(database):
    for sid, forwarded in database.execute("SELECT sid, forwarded FROM conversations WHERE is_due").fetchall():
        try: forward(database, sid, forwarded)
        except Exception: database.execute("UPDATE conversations SET is_due = 1 WHERE sid = ?", [sid])
    [(last,)] = database.execute("SELECT last FROM replies")
    for reply in call("GET", f"{THERE}/replies?after={last}"):
        call("POST", f"{HERE}/Conversations/{reply['ticket']}/Messages", {"Author": reply["author"], "Body": reply["text"]},
             Authorization=f"Basic {KEY}", Idempotency_Key=f"reply-{reply['number']}")
        database.execute("UPDATE replies SET last = ?", [reply["number"]])

server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    try: work(open_database())
    except Exception as error: print("retrying:", error, flush=True)
    woken.wait(1); woken.clear()
