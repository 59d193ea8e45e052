"""Clients of every kind at a time, patient ones and such that leave in the middle; for soak.py."""
import collections
import json
import random
import re
import socket
import struct
import threading
import time

WORDS = ("the quick brown fox jumps over lazy dog while seven wizards brew strong coffee near old river bank under pale "
         "moon light").split()


def words(count, seed):
    chooser = random.Random(seed)
    return " ".join(chooser.choice(WORDS) for _ in range(count))


def chat(text, tokens, **options):
    return "/v1/chat/completions", {"messages": [{"role": "user", "content": text}], "max_tokens": tokens, "temperature": 0,
                                    **options}


def completion(text, tokens, **options):
    return "/v1/completions", {"prompt": text, "max_tokens": tokens, "temperature": 0, **options}


# What is asked for again and again; the answers are those that each got when nothing else happened.
ASKED = [
    chat("What is the capital of France?", 24), chat("Name three colours of the rainbow.", 40),
    chat("Tell me a joke.", 60, seed=7, temperature=0.9), chat("Count from one to ten.", 48, stop=["5", "five"]),
    chat(words(300, 1), 24), chat(words(600, 2), 12), chat("What do bees make?", 32, n=3),
    chat("Write a haiku about the sea.", 40, n=2, seed=11, temperature=0.8),
    completion("Once upon a time, in a small village near the mountains,", 40),
    completion("The quick brown", 24, stop=[".", "\n"]), completion(words(400, 3), 16), completion("One, two, three,", 1),
]
REFUSED = [
    (chat("x", -1), 400), (chat("x", 8, temperature=9), 400), (chat("x", 8, model="no-such"), 404),
    (("/v1/chat/completions", {"messages": []}), 400), (("/v1/chat/completions", {}), 400),
    (("/v1/completions", {"prompt": 3.5}), 400), (chat("x", 8, logprobs=True, top_logprobs=99), 400), (chat("x", 8, n=1000), 400),
    (chat(words(9000, 4), 8), 400), (completion(words(9000, 5), 8), 400), (("/v1/no-such", {}), 404),
]
# Longer than any client waits that leaves in the middle.
LONG = [chat("Tell me a very long story.", 400, ignore_eos=True), completion(words(200, 6), 400, ignore_eos=True),
        chat(words(500, 7), 300, ignore_eos=True), chat("Write a poem.", 200, n=3, ignore_eos=True)]


class Connection:
    """One request over a socket of its own, so that it can end at any byte."""

    def __init__(self, port, small=False):
        self.socket = socket.socket()
        if small:
            # What the client does not read has to wait in the server.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(180)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def reset(self):
        """Closes with a reset instead of an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def send(self, asked, stream=False, parts=(1.0,), pause=0.0):
        """Sends the request, or only the parts of it that are named: (0.5,) is its first half."""
        path, body = asked
        data = json.dumps({**body, "stream": True} if stream else body).encode()
        data = (f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n"
                f"content-length: {len(data)}\r\n\r\n").encode() + data
        done = 0
        for part in parts:
            end = int(len(data) * part)
            self.socket.sendall(data[done:end])
            done = end
            if part != parts[-1]:
                time.sleep(pause)

    def lines(self, pause=0.0):
        """The lines of the answer; with a pause, read slowly."""
        buffer = b""
        while True:
            data = self.socket.recv(2048 if pause else 65536)
            if not data:
                return
            buffer += data
            *whole, buffer = buffer.split(b"\n")
            yield from (line.rstrip(b"\r") for line in whole)
            time.sleep(pause)

    def answer(self):
        """Status and body of an answer that is no stream."""
        data = bytearray()
        while part := self.socket.recv(65536):
            data += part
        head, _, body = bytes(data).partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            body = b"".join(piece for piece in re.split(rb"(?:^|\r\n)[0-9a-f]+\r\n", body))
        return int(head.split()[1]), json.loads(body)

    def events(self, pause=0.0):
        """The chunks of a stream; an error in it, or an early end, is raised."""
        done = False
        status = None
        for line in self.lines(pause):
            if status is None:
                status = int(line.split()[1])
                if status != 200:
                    raise ConnectionError(f"status {status}")
            done = done or line == b"data: [DONE]"
            if line.startswith(b"data: {"):
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    raise ConnectionError(chunk["error"]["message"])
                yield chunk
        if not done:
            raise ConnectionError("the stream ended early")


def texts(answer):
    return [(choice["message"]["content"] if "message" in choice else choice["text"], choice["finish_reason"])
            for choice in sorted(answer["choices"], key=lambda choice: choice["index"])]


class Clients:
    """What they do, what came of it. Threads share it."""

    def __init__(self, port, seed):
        self.port = port
        self.seed = seed
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.failures = []
        self.expected = []
        self.runs = 0

    def prepare(self):
        """The answers in a fleet that does nothing else, streamed and not."""
        for asked in ASKED:
            with Connection(self.port) as connection:
                connection.send(asked)
                status, answer = connection.answer()
            if status != 200:
                raise AssertionError(f"{asked}: {status} {answer}")
            self.expected.append(texts(answer))

    # What clients do. Each returns nothing, and raises where an answer is not right.

    def whole(self, chooser):
        index = chooser.randrange(len(ASKED))
        with Connection(self.port) as connection:
            connection.send(ASKED[index])
            status, answer = connection.answer()
        if status != 200:
            raise AssertionError(f"{ASKED[index][1]}: {status} {answer}")
        self.check(index, texts(answer))

    def streamed(self, chooser, pause=0.0):
        index = chooser.randrange(len(ASKED))
        parts, ends = collections.defaultdict(str), {}
        with Connection(self.port, small=pause > 0) as connection:
            connection.send(ASKED[index], stream=True)
            for chunk in connection.events(pause):
                for choice in chunk["choices"]:
                    parts[choice["index"]] += (choice["delta"].get("content") if "delta" in choice else choice["text"]) or ""
                    ends[choice["index"]] = choice["finish_reason"] or ends.get(choice["index"])
        self.check(index, [(parts[choice], ends[choice]) for choice in sorted(parts)])

    def slow(self, chooser):
        self.streamed(chooser, pause=0.02)

    def check(self, index, got):
        if got != self.expected[index]:
            raise AssertionError(f"{ASKED[index][1]}: {got} instead of {self.expected[index]}")

    def refused(self, chooser):
        asked, expected = chooser.choice(REFUSED)
        with Connection(self.port) as connection:
            connection.send(asked, stream=chooser.random() < 0.3)
            status, answer = connection.answer()
        if status != expected or not answer["error"]["message"]:
            raise AssertionError(f"{json.dumps(asked)[:100]}: {status} {answer}")

    def no_json(self, chooser):
        with Connection(self.port) as connection:
            body = chooser.randbytes(chooser.randrange(1, 200))
            connection.socket.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            status, answer = connection.answer()
        if status != 400:
            raise AssertionError(f"{body}: {status} {answer}")

    def gone_without_a_word(self, chooser):
        with Connection(self.port) as connection:
            if chooser.random() < 0.5:
                connection.reset()

    def gone_in_the_headers(self, chooser):
        with Connection(self.port) as connection:
            connection.socket.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-le")
            time.sleep(chooser.uniform(0, 0.2))

    def gone_in_the_body(self, chooser):
        with Connection(self.port) as connection:
            # Long enough that the headers are in the first part.
            connection.send(chat(words(2000, chooser.random()), 8), parts=(0.3, 0.6), pause=chooser.uniform(0, 0.2))

    def gone(self, chooser, asked, seconds):
        """Leaves so long after the request was sent; nothing is read."""
        with Connection(self.port) as connection:
            connection.send(asked, stream=chooser.random() < 0.5)
            time.sleep(seconds)
            if chooser.random() < 0.3:
                connection.reset()

    def gone_at_once(self, chooser):
        self.gone(chooser, chooser.choice(LONG), 0)

    def gone_in_the_queue(self, chooser):
        """More than fit at a time, so that some wait for a route, and all leave."""
        connections = [Connection(self.port) for _ in range(12)]
        for connection in connections:
            connection.send(chooser.choice(LONG), stream=chooser.random() < 0.5)
        time.sleep(chooser.uniform(0.05, 1.5))
        for connection in connections:
            connection.socket.close()

    def gone_in_prefill(self, chooser):
        """A prompt of its own takes a second or longer to be computed beside the others."""
        self.gone(chooser, chat(words(700, chooser.random()), 16), chooser.uniform(0.02, 1.2))

    def gone_in_the_stream(self, chooser, chunks, asked=None):
        """Leaves after so many chunks with text; a chunk without text comes before the first token."""
        with Connection(self.port) as connection:
            connection.send(asked or chooser.choice(LONG), stream=True)
            seen = 0
            for chunk in connection.events():
                seen += any(choice.get("text") or choice.get("delta", {}).get("content") for choice in chunk["choices"])
                if seen >= chunks:
                    break
            if chooser.random() < 0.3:
                connection.reset()

    def gone_at_the_first_token(self, chooser):
        self.gone_in_the_stream(chooser, 1)

    def gone_between_prefill_and_decode(self, chooser):
        """The first token comes from the replica that prefills, while the KV cache of a long prompt is still on its way."""
        self.gone_in_the_stream(chooser, 1, chat(words(700, chooser.random()), 200, ignore_eos=True))

    def gone_in_the_middle(self, chooser):
        self.gone_in_the_stream(chooser, chooser.randrange(2, 80))

    def gone_near_the_end(self, chooser):
        """Leaves while the last tokens, or the end of the stream, are on their way."""
        self.gone_in_the_stream(chooser, chooser.randrange(18, 22), chat("Tell me a story.", 20, ignore_eos=True))

    def stops_to_read(self, chooser):
        """Reads nothing for seconds, while hundreds of tokens come, then leaves."""
        with Connection(self.port, small=True) as connection:
            connection.send(chat("Tell me a very long story.", 800, n=4, ignore_eos=True), stream=True)
            next(connection.events())
            time.sleep(chooser.uniform(2, 8))
            connection.reset()

    KINDS = {
        "whole": 14, "streamed": 14, "slow": 4, "refused": 6, "no_json": 2, "gone_without_a_word": 4, "gone_in_the_headers": 4,
        "gone_in_the_body": 4, "gone_at_once": 5, "gone_in_the_queue": 2, "gone_in_prefill": 6, "gone_at_the_first_token": 5,
        "gone_between_prefill_and_decode": 5, "gone_in_the_middle": 6, "gone_near_the_end": 4, "stops_to_read": 2,
    }

    def run(self, seconds, clients):
        """So many clients at a time; each ends what it has begun."""
        end = time.monotonic() + seconds
        self.runs += 1

        def client(number):
            chooser = random.Random(f"{self.seed} {self.runs} {number}")
            while time.monotonic() < end:
                kind = chooser.choices(list(self.KINDS), self.KINDS.values())[0]
                try:
                    getattr(self, kind)(chooser)
                    with self.lock:
                        self.counts[kind] += 1
                except Exception as error:
                    with self.lock:
                        self.failures.append(f"{kind}: {type(error).__name__}: {error}")
                        print(f"  failed: {self.failures[-1][:600]}", flush=True)
        threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
