"""A fleet under traffic that changes, and under kills: what clients notice of it.

`phases`: 70 short chats, then 24 chats of 700-token prompts, in turn, beside a stream of 300-token prompts with 300 tokens
each; /health is asked four times a second. `kills`: six streams all the time; processes are killed one after the other.
Every text must be that of the same fleet without faults, no request may fail, /health must stay 200 (in phases).
"""
import argparse
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from cluster import Cluster

WORDS = ("the quick brown fox jumps over lazy dog while seven wizards brew strong coffee near old river bank under pale "
         "moon light").split()
SERVICES = ["prefill-worker", "decoder-worker", "scheduler", "clusterer", "partitioner", "profiler"]


def text(words, seed):
    chooser = random.Random(seed)
    return " ".join(chooser.choice(WORDS) for _ in range(words))


class Load:
    """Counts what clients see; threads share it."""

    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.right = self.wrong = self.migrated = 0
        self.failures = []
        self.pauses = []
        self.health = {}

    def post(self, body, stream=False):
        request = urllib.request.Request(
            f"{self.url}/v1/chat/completions", json.dumps({**body, "stream": stream, "temperature": 0}).encode(),
            {"content-type": "application/json"})
        return urllib.request.urlopen(request, timeout=180)

    def chat(self, words, tokens, seed):
        body = {"messages": [{"role": "user", "content": text(words, seed)}], "max_tokens": tokens}
        try:
            with self.post(body) as answer:
                answer = json.load(answer)
            with self.lock:
                self.right += 1
                self.migrated += answer["e2llm"]["migrations"] > 0
        except Exception as error:
            self.fail("chat", error)

    def stream(self, body):
        """The text of a stream, and the longest pause in it."""
        result, last, pause = "", time.monotonic(), 0.0
        with self.post(body, stream=True) as lines:
            for line in lines:
                if not line.startswith(b"data: {"):
                    continue
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    raise RuntimeError(chunk["error"]["message"])
                now = time.monotonic()
                pause, last = max(pause, now - last), now
                if chunk["choices"]:
                    result += chunk["choices"][0]["delta"].get("content") or ""
        return result, pause

    def fail(self, what, error):
        if isinstance(error, urllib.error.HTTPError):
            error = f"{error.code} {error.read()[:200]!r}"
        with self.lock:
            self.failures.append(f"{what}: {error}")
            print(f"  failed: {what}: {error}", flush=True)
        self.stopped.wait(0.5)

    def watch_health(self):
        while not self.stopped.wait(0.25):
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                    code = answer.status
            except urllib.error.HTTPError as error:
                code = error.code
            except OSError as error:
                code = str(error)
            with self.lock:
                self.health[code] = self.health.get(code, 0) + 1


def together(*bodies):
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    return threads


def phases(cluster, seconds):
    load = Load(cluster.url)
    end = time.monotonic() + seconds

    def long_streams():
        seed = 0
        while time.monotonic() < end:
            seed += 1
            body = {"messages": [{"role": "user", "content": text(240, seed)}], "max_tokens": 300, "ignore_eos": True}
            try:
                _, pause = load.stream(body)
                with load.lock:
                    load.right += 1
                    load.pauses.append(pause)
            except Exception as error:
                load.fail("stream", error)

    def run():
        phase = 0
        while time.monotonic() < end:
            words, tokens, count, clients = [(25, 16, 70, 8), (600, 24, 24, 4)][phase % 2]
            seeds = list(range(phase * 1000, phase * 1000 + count))

            def client():
                while time.monotonic() < end:
                    with load.lock:
                        if not seeds:
                            return
                        seed = seeds.pop()
                    load.chat(words, tokens, seed)
            for thread in together(*[client] * clients):
                thread.join()
            phase += 1
        return phase

    before = plan_changes(cluster)
    watch = together(load.watch_health)
    workers = together(long_streams, run)
    for thread in workers:
        thread.join()
    load.stopped.set()
    watch[0].join()
    changes = plan_changes(cluster) - before
    print(f"phases: {load.right} right, {len(load.failures)} failed, {load.migrated} moved, health {load.health}, "
          f"{changes} plan changes, longest pause of a stream {max(load.pauses, default=0):.1f} s", flush=True)
    return not load.failures and set(load.health) == {200}


def plan_changes(cluster):
    log = pathlib.Path(cluster.folder) / "up/logs/scheduler.log"
    return log.read_text().count(" replaces ") if log.exists() else 0


def kills(cluster, count, names, interval, seed):
    load = Load(cluster.url)
    bodies = [
        {"messages": [{"role": "user", "content": f"Write a long story about a {what}."}], "max_tokens": 150}
        for what in ["dragon", "river", "castle", "robot", "forest", "sailor"]
    ]
    expected = [load.stream(body)[0] for body in bodies]

    def client(index):
        while not load.stopped.is_set():
            try:
                result, pause = load.stream(bodies[index])
                with load.lock:
                    load.right += result == expected[index]
                    load.wrong += result != expected[index]
                    load.pauses.append(pause)
            except Exception as error:
                load.fail("stream", error)

    clients = together(*[lambda index=index: client(index) for index in range(len(bodies))])
    chooser = random.Random(seed)
    for number in range(count):
        victims = [(pid, name) for name in names for pid in cluster.descendants() if is_executable(pid, name)]
        if victims:
            pid, name = chooser.choice(victims)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        load.stopped.wait(interval)
    load.stopped.set()
    for thread in clients:
        thread.join()
    pauses = sorted(load.pauses)
    def part(share):
        return pauses[min(len(pauses) - 1, int(share * len(pauses)))] if pauses else 0
    print(f"kills: {count} of {', '.join(names)}: {load.right} streams right, {load.wrong} wrong, {len(load.failures)} failed; "
          f"longest pause of a stream: median {part(0.5):.2f} s, P90 {part(0.9):.2f} s, P99 {part(0.99):.2f} s, "
          f"most {part(1):.2f} s", flush=True)
    return load.wrong == 0 and not load.failures


def is_executable(pid, name):
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith(f"/{name}")
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--fleet", required=True)
    parser.add_argument("--seconds", type=float, default=300, help="of changing traffic; 0 leaves it out")
    parser.add_argument("--kills", type=int, default=40, help="processes to kill; 0 leaves them out")
    parser.add_argument("--every", type=float, default=5, help="seconds between two kills")
    parser.add_argument("--services", default=",".join(SERVICES), help="which executables are killed")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(options.binaries, options.model, options.fleet, folder)
        cluster.start()
        try:
            if options.seconds > 0:
                passed &= phases(cluster, options.seconds)
            if options.kills > 0:
                passed &= kills(cluster, options.kills, options.services.split(","), options.every, options.seed)
        finally:
            cluster.stop()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
