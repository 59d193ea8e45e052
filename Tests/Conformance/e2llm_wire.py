"""What a service in Python needs of E2LLM/1: frames, envelopes, settings, sockets with keys. Written from the specification alone
(Shared/Protocol/Specification/E2LLM-1.md); pyzmq and the standard library.
"""
import argparse
import json
import math
import os
import secrets
import signal
import struct
import threading
import time

import zmq

VERSION = b"E2LLM/1"
BLOCKS = {"i32": (1, 4), "f16": (1, 2), "f32": (1, 4), "u8": (1, 1), "q8_0": (32, 34)}
SERVERS = {"registry": "profiler", "fleet": "profiler", "partition": "partitioner", "plan": "clusterer", "proposals": "clusterer",
           "control": "scheduler", "state": "scheduler", "tokens": "gateway"}


class WireError(Exception):
    """What is wrong with a message, and the code that says so."""

    def __init__(self, code, message, retriable=False):
        super().__init__(message)
        self.body = {"code": code, "message": message, "retriable": retriable}


class Message:
    def __init__(self, envelope, body, tensors, peer=None, topic=None):
        self.envelope, self.body, self.tensors, self.peer, self.topic = envelope, body, tensors, peer, topic

    @property
    def type(self):
        return self.envelope["type"]

    @property
    def request(self):
        return self.envelope.get("request")

    @property
    def epoch(self):
        return self.envelope.get("epoch", 0)

    def tokens(self, name="tokens"):
        """The values of a one-dimensional i32 tensor."""
        for index, tensor in enumerate(self.body.get("tensors", [])):
            if tensor["name"] == name and tensor["dtype"] == "i32" and len(tensor["shape"]) == 1:
                return list(struct.unpack(f"<{tensor['shape'][0]}i", self.tensors[index]))
        raise WireError("bad_tensor", f"{self.type}: tensor {name} is missing")


def decode(frames, peer=None, topic=None):
    """Reads the frames of a message, without routing id and topic."""
    if len(frames) < 3:
        raise WireError("malformed", f"a message has at least 3 frames, this one {len(frames)}")
    if frames[0] != VERSION:
        raise WireError("unsupported_version", f"this side speaks {VERSION.decode()}, the message {frames[0][:16]!r}")
    if len(frames[1]) > 16 << 10 or len(frames[2]) > 16 << 20:
        raise WireError("too_large", "the header frames are too large")
    try:
        envelope, body = json.loads(frames[1]), json.loads(frames[2])
    except (ValueError, RecursionError) as error:
        raise WireError("malformed", f"is not JSON: {error}") from None
    if not isinstance(envelope, dict) or not isinstance(body, dict):
        raise WireError("malformed", "envelope and body are JSON objects")
    for field in ("type", "id", "session"):
        if not isinstance(envelope.get(field), str) or not 0 < len(envelope[field]) <= 256:
            raise WireError("malformed", f"the envelope has no {field}")
    check_tensors(envelope["type"], body.get("tensors") or [], frames[3:])
    return Message(envelope, body, frames[3:], peer, topic)


def check_tensors(type, tensors, frames):
    """Refuses frames that are not what the body says: a count is checked before it is used."""
    if not isinstance(tensors, list) or len(tensors) != len(frames) or len(tensors) > 32:
        raise WireError("bad_tensor", f"{type}: the body does not list the {len(frames)} tensor frames that came")
    for tensor, frame in zip(tensors, frames):
        shape = tensor.get("shape") if isinstance(tensor, dict) else None
        if not isinstance(shape, list) or tensor.get("dtype") not in BLOCKS:
            raise WireError("malformed", f"{type}: a tensor has no known dtype or no shape")
        values, size = BLOCKS[tensor["dtype"]]
        if len(shape) > 8 or not all(isinstance(count, int) and not isinstance(count, bool) for count in shape):
            raise WireError("malformed", f"{type}: a tensor's shape is no list of at most 8 integers")
        if any(count < 0 for count in shape) or (shape[-1] if shape else 1) % values:
            raise WireError("bad_tensor", f"{type}: a tensor has the shape {shape}")
        if math.prod(shape) // values * size != len(frame):
            raise WireError("bad_tensor", f"{type}: a tensor of the shape {shape} has {len(frame)} bytes")


def readable_id(frames):
    """The id of a message that could not be read as a whole; nothing where there is none."""
    try:
        found = json.loads(frames[1])["id"] if len(frames[1]) <= 16 << 10 else None
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and 0 < len(found) <= 256 else None


class Settings:
    """Arguments over environment over file over defaults; unknown keys are errors."""

    COMMON = {f"endpoints.{name}": f"tcp://127.0.0.1:{5550 + index}" for index, name in enumerate(
        ["registry", "fleet", "partition", "plan", "proposals", "control", "state", "tokens"])}
    COMMON |= {f"bind.{name}": "" for name in SERVERS}
    COMMON |= {"security.allowed": "", "security.secret": "", "fleet.chunk_tokens": "256", "fleet.drain_s": "30"}

    def __init__(self, known, arguments=None):
        parser = argparse.ArgumentParser()
        parser.add_argument("--set", action="append", default=[])
        parser.add_argument("--config")
        parser.add_argument("--log-level", default="info")
        parser.add_argument("--log-format", default="text")
        options = parser.parse_args(arguments)
        self.values = {**self.COMMON, **known}
        if options.config:
            for key, value in self.read(options.config).items():
                if key in self.values:
                    self.values[key] = value
        for key in self.values:
            name = "E2LLM_" + key.replace(".", "_").upper()
            if os.environ.get(name):
                self.values[key] = os.environ[name]
        for text in options.set:
            key, equals, value = text.partition("=")
            if not equals or key not in self.values:
                raise SystemExit(f"unknown setting {text}")
            self.values[key] = value

    @staticmethod
    def read(path):
        """The scalars of a YAML file of two levels, which is all that settings need."""
        values, section = {}, ""
        with open(path) as file:
            for line in file:
                line = line.split("#")[0].rstrip()
                key, colon, value = line.strip().partition(":")
                if not colon:
                    continue
                if line[0] != " ":
                    section = key
                if value.strip():
                    values[f"{section}.{key}" if line[0] == " " else key] = value.strip().strip("\"'")
        return values

    def __getitem__(self, key):
        return self.values[key]

    def bind(self, name):
        return self.values[f"bind.{name}"] or self.values[f"endpoints.{name}"]


class Keys:
    """The fleet's list of public keys and this process's own secret."""

    def __init__(self, settings):
        with open(settings["security.secret"]) as file:
            self.secret = json.load(file)["secret"].encode()
        self.path = settings["security.allowed"]
        self.public = zmq.curve_public(self.secret)

    def entries(self):
        with open(self.path) as file:
            return [key for key in json.load(file)["keys"] if not key.get("revoked")]

    def server(self, role):
        return [key for key in self.entries() if role in key["plays"]][-1]["public"].encode()

    def authenticate(self, context):
        """Answers ZAP (RFC 27): known keys get in."""
        socket = context.socket(zmq.REP)
        socket.bind("inproc://zeromq.zap.01")

        def answer():
            while True:
                try:
                    frames = socket.recv_multipart()
                except zmq.ZMQError:
                    return
                key = zmq.utils.z85.encode(frames[6]).decode()
                try:
                    known = any(entry["public"] == key for entry in self.entries())
                except (OSError, ValueError):
                    known = False
                socket.send_multipart([b"1.0", frames[1], b"200" if known else b"300", b"", key.encode() if known else b"", b""])
        threading.Thread(target=answer, daemon=True).start()


class Service:
    """Sockets, a loop, and an orderly end."""

    def __init__(self, name, known=None, arguments=None):
        self.name = name
        self.settings = Settings(known or {}, arguments)
        self.context = zmq.Context()
        self.session = secrets.token_hex(16)
        self.count = 0
        self.started = time.monotonic()
        self.poller = zmq.Poller()
        self.handlers = {}
        # Looks at messages of servers before their handlers do; raises what is wrong.
        self.check = None
        self.stopped = False
        self.keys = Keys(self.settings) if self.settings["security.secret"] else None
        if self.keys:
            self.keys.authenticate(self.context)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def stop(self):
        self.stopped = True

    def log(self, text):
        print(f"{time.strftime('%H:%M:%S')} {self.name}: {text}", flush=True)

    # Sockets

    def _socket(self, kind, handler):
        socket = self.context.socket(kind)
        socket.linger = 500
        socket.maxmsgsize = 64 << 20
        if handler:
            self.poller.register(socket, zmq.POLLIN)
            self.handlers[socket] = handler
        return socket

    def server(self, endpoint, handler, kind=zmq.ROUTER):
        socket = self._socket(kind, handler)
        if kind == zmq.ROUTER:
            socket.router_handover = 1
        if self.keys:
            socket.curve_server = 1
            socket.curve_secretkey = self.keys.secret
        socket.bind(endpoint)
        return socket

    def publisher(self, endpoint):
        return self.server(endpoint, None, zmq.PUB)

    def client(self, endpoint, handler=None, kind=zmq.DEALER, topics=(), role=None):
        """Connects; `role` names the service whose key is pinned, an announced endpoint brings its own key."""
        address, _, key = endpoint.partition("?key=")
        socket = self._socket(kind, handler)
        if kind == zmq.DEALER:
            socket.routing_id = f"{self.name}-{secrets.token_hex(8)}".encode()
        for topic in topics:
            socket.subscribe(topic)
        if self.keys:
            socket.curve_secretkey, socket.curve_publickey = self.keys.secret, self.keys.public
            socket.curve_serverkey = zmq.utils.z85.encode(bytes.fromhex(key)) if key else self.keys.server(role)
        socket.connect(address)
        return socket

    def announced(self, socket):
        endpoint = socket.last_endpoint.decode()
        if self.keys:
            endpoint += "?key=" + zmq.utils.z85.decode(self.keys.public).hex()
        return endpoint

    # Messages

    def frames(self, type, body=None, tensors=(), **envelope):
        self.count += 1
        head = {"type": type, "id": str(self.count), "session": self.session, **envelope}
        return [VERSION, json.dumps(head).encode(), json.dumps(body or {}).encode(), *tensors]

    def send(self, socket, type, body=None, peer=None, tensors=(), **envelope):
        """Sends without waiting; what a full queue does not take is dropped."""
        frames = self.frames(type, body, tensors, **envelope)
        if socket.socket_type == zmq.PUB:
            frames.insert(0, type.encode())
        try:
            socket.send_multipart([peer, *frames] if peer else frames, zmq.DONTWAIT)
        except zmq.ZMQError as error:
            self.log(f"{type} was not sent: {error}")

    def reply(self, socket, message, type, body=None):
        self.send(socket, type, body, message.peer, reply_to=message.envelope["id"], status="ok")

    def refuse(self, socket, message, error):
        self.send(socket, "error", error.body, message.peer, reply_to=message.envelope["id"], status="error")

    def health(self):
        """Why the service cannot do its work."""
        return []

    def receive(self, socket):
        frames = socket.recv_multipart()
        peer = topic = None
        if socket.socket_type == zmq.ROUTER:
            peer, frames = frames[0], frames[1:]
        elif socket.socket_type == zmq.SUB:
            topic, frames = frames[0], frames[1:]
        try:
            message = decode(frames, peer, topic)
        except WireError as error:
            if peer and len(frames) >= 3:
                known = readable_id(frames)
                self.send(socket, "error", error.body, peer, status="error", **({"reply_to": known} if known else {}))
            return
        if message.type == "ping":
            self.reply(socket, message, "pong")
        elif message.type == "health.get":
            self.reply(socket, message, "health", {
                "service": self.name, "problems": self.health(), "uptime_s": time.monotonic() - self.started})
        elif message.type == "metrics.get":
            uptime = time.monotonic() - self.started
            self.reply(socket, message, "metrics", {"text": f"e2llm_{self.name}_uptime_seconds {uptime}\n"})
        elif message.type != "pong":
            try:
                if self.check and peer:
                    self.check(message)
                self.handlers[socket](message)
            except WireError as error:
                if "reply_to" not in message.envelope and topic is None:
                    self.refuse(socket, message, error)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
                if "reply_to" not in message.envelope and topic is None:
                    self.refuse(socket, message, WireError("malformed", f"{message.type}: {type(error).__name__} {error}"))

    def run(self, tick=None, every=0.2):
        """Handles messages until the process is asked to stop; `tick` is called between them."""
        parent = int(os.environ.get("E2LLM_EXIT_WITH_PARENT", "0"))
        last = 0.0
        while not self.stopped and (not parent or os.getppid() == parent):
            # Not longer than until the next tick: where nothing comes, ticks are all that happens.
            wait = min(0.1, max(0.0, last + every - time.monotonic())) if tick else 0.1
            try:
                ready = self.poller.poll(math.ceil(wait * 1000))
            except zmq.ZMQError:
                continue
            for socket, _ in ready:
                self.receive(socket)
            if tick and time.monotonic() - last >= every:
                last = time.monotonic()
                tick()
        self.context.destroy(linger=500)
