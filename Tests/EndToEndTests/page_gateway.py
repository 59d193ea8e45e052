"""A small gateway for the page: its files with the real headers, events, a chat, cancelling. It serves what it is given."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "Services/Gateway/Page"
ROUTES = (ROOT / "Services/Gateway/Routes/PageRoutes.swift").read_text()


def policy():
    """The content security policy, out of the gateway's source."""
    text = ROUTES.split("static let policy = [")[1].split("]")[0]
    return "; ".join(re.findall(r'"([^"]*)"', text))


def files():
    """Path to type and content of every file that the gateway serves."""
    result = {}
    for path, kind, name in re.findall(r'File\(\s*"([^"]+)",\s*("[^"]+"|script),\s*PackageResources\.(\w+)\)', ROUTES):
        stem, _, suffix = name.rpartition("_")
        kind = "text/javascript; charset=utf-8" if kind == "script" else kind.strip('"')
        result[path] = (kind, (PAGE / f"{stem}.{suffix}").read_bytes())
    return result


class FakeGateway:
    """Serves one picture; `deltas` go out as they come."""

    def __init__(self, picture, answer, key=None, steps=None, pace=0.004):
        self.picture, self.answer, self.key, self.steps, self.pace = picture, answer, key, steps, pace
        self.files, self.policy = files(), policy()
        self.number = 1
        self.asked, self.cancelled, self.streams, self.broken = [], [], [], []
        # Statuses and bodies of the answers to what-if questions to come, and the questions that came.
        self.plans, self.questions = [], []
        self.deltas, self.changed, self.round = [], threading.Condition(), 0
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                gateway.get(self)

            def do_POST(self):
                gateway.post(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.end_streams()
        self.server.shutdown()
        self.server.server_close()

    def push(self, delta):
        """Sends a change to every stream."""
        with self.changed:
            self.number += 1
            self.deltas.append((self.number, delta))
            self.changed.notify_all()

    def end_streams(self):
        """Ends all streams of events, as a gateway does that stops."""
        with self.changed:
            self.round += 1
            self.changed.notify_all()

    def reply(self, handler, status, body, kind="application/json", headers=()):
        handler.send_response(status)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(body)))
        handler.send_header("x-content-type-options", "nosniff")
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def refuse(self, handler, status, message):
        self.reply(handler, status, json.dumps({"error": {"message": message}}).encode())

    def may(self, handler):
        if self.key is None or handler.headers.get("authorization") == f"Bearer {self.key}":
            return True
        self.refuse(handler, 401, "the API key is missing or wrong")
        return False

    def get(self, handler):
        path, _, query = handler.path.partition("?")
        if path in self.files:
            kind, content = self.files[path]
            self.reply(handler, 200, content, kind, [("content-security-policy", self.policy), ("cache-control", "no-cache")])
        elif path == "/v1/cluster/events":
            if self.may(handler):
                self.events(handler, query)
        else:
            self.refuse(handler, 404, f"there is nothing at {path}")

    def begin(self, handler):
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream; charset=utf-8")
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.close_connection = True

    def events(self, handler, query):
        last = handler.headers.get("last-event-id", "")
        self.streams.append((last, query))
        with self.changed:
            here, sent = self.round, self.number
        self.begin(handler)

        def write(name, number, data):
            identity = f"id: s-{number}\n" if number else ""
            handler.wfile.write(f"event: {name}\n{identity}data: {json.dumps(data)}\n\n".encode())
            handler.wfile.flush()

        if last != f"s-{sent}":
            write("snapshot", sent, self.picture)
        if self.steps and query == "steps=1":
            for second in range(5, 0, -1):
                write("steps", 0, dict(self.steps, now_us=self.steps["now_us"] - second * 1000000))
        while True:
            with self.changed:
                self.changed.wait_for(lambda sent=sent: self.round != here or self.number > sent)
                if self.round != here:
                    return
                due = [(number, delta) for number, delta in self.deltas if number > sent]
            for number, delta in due:
                write("delta", number, delta)
                sent = number

    def post(self, handler):
        length = int(handler.headers.get("content-length") or 0)
        body = handler.rfile.read(length)
        if not self.may(handler):
            return
        if handler.path.startswith("/v1/cancel/"):
            self.cancelled.append(handler.path.rsplit("/", 1)[1])
            self.reply(handler, 200, b'{"cancelled":1}')
        elif handler.path == "/v1/cluster/what-if":
            self.questions.append(json.loads(body))
            status, answer = self.plans.pop(0)
            self.reply(handler, status, json.dumps(answer).encode())
        elif handler.path == "/v1/chat/completions":
            self.asked.append(json.loads(body))
            self.chat(handler)
        else:
            self.refuse(handler, 404, "there is nothing here")

    def chat(self, handler):
        self.begin(handler)

        def write(chunk):
            handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            handler.wfile.flush()
            time.sleep(self.pace)

        thoughts, text = self.answer
        try:
            for field, said in [("reasoning_content", thoughts), ("content", text)]:
                for at in range(0, len(said), 7):
                    write({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {field: said[at : at + 7]}}]})
            write({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            times = {
                "queue_ms": 3.2,
                "ttft_ms": 142.5,
                "prefill_started_ms": 6.1,
                "kv_complete_ms": 151.0,
                "decode_started_ms": 152.2,
                "end_ms": 2210.4,
            }
            extra = {
                "plan_id": "plan-7f3a",
                "prefill_replica": "prefill-0",
                "decode_replica": "decode-0",
                "migrations": 0,
                "acceptance": 0.61,
            }
            write(
                {
                    "id": "chatcmpl-1",
                    "choices": [],
                    "usage": {"prompt_tokens": 37, "completion_tokens": 86},
                    "e2llm": times | extra,
                    "timings": {"predicted_per_second": 41.7, "prompt_per_second": 260.1, "cache_n": 12},
                }
            )
            handler.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.broken.append(len(self.asked))
