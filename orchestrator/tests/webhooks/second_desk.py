"""A desk with an HTTP API of its own, for the test of the bridge. `PUT /tickets/T/M` writes a guest's message, once for each
`M`; `POST /replies` is what its agents write; `GET /replies?after=N` lists these. Its state is a file."""
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

FILE = os.environ["SECOND_DESK_FILE"]
state = json.load(open(FILE)) if os.path.exists(FILE) else {"messages": [], "replies": []}


class SecondDesk(BaseHTTPRequestHandler):
    def answer(self, status, body):
        json.dump(state, open(FILE + ".new", "w"))
        os.replace(FILE + ".new", FILE)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def do_PUT(self):
        _, _, ticket, message = self.path.split("/")
        entry = {"ticket": ticket, "message": message, **self.body()}
        if entry not in state["messages"]:
            state["messages"].append(entry)
        self.answer(200, {})

    def do_POST(self):
        state["replies"].append({"number": len(state["replies"]), **self.body()})
        self.answer(201, {})

    def do_GET(self):
        if self.path == "/messages":
            return self.answer(200, state["messages"])
        after = int(parse_qs(urlsplit(self.path).query)["after"][0])
        self.answer(200, state["replies"][after + 1 :])

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), SecondDesk).serve_forever()
