"""A fleet under traffic that changes, and under kills: what clients notice of it.

`phases`: 70 short chats, then 24 chats of 700-token prompts, in turn, beside a stream of 300-token prompts with 300 tokens
each; /health is asked four times a second. `kills`: six streams all the time; processes are killed one after the other, of every
kind as often; streams of a killed gateway are cut off and begin again.
`stops`: decoder workers are stopped for five seconds each. `slow`: one device gets a quarter of the time. `gateway`: the
gateway is killed; how long it takes until chats are answered again.
Every text must be that of the same fleet without faults, no request may fail (but those of a killed gateway), /health must
stay 200 (in phases).
"""
import argparse
import collections
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
SERVICES = ["prefill-worker", "decoder-worker", "scheduler", "clusterer", "partitioner", "profiler", "gateway"]


def text(words, seed):
    chooser = random.Random(seed)
    return " ".join(chooser.choice(WORDS) for _ in range(words))


Streamed = collections.namedtuple("Streamed", "text pause token_seconds moved")


class Load:
    """Counts what clients see; threads share it."""

    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.right = self.wrong = self.migrated = self.cut = 0
        # Until when a connection may break: the gateway was killed.
        self.cut_until = 0.0
        self.failures = []
        self.pauses = []
        self.health = {}

    def post(self, body, stream=False):
        request = urllib.request.Request(
            f"{self.url}/v1/chat/completions", json.dumps(
                {**body, "stream": stream, "temperature": 0, **({"stream_options": {"include_usage": True}} if stream else {})}
            ).encode(),
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
        """What came of a stream: its text, the longest pause in it, seconds a token without that pause, whether it moved."""
        result, last, pause, gaps, moved, done = "", time.monotonic(), 0.0, [], False, False
        with self.post(body, stream=True) as lines:
            for line in lines:
                done = done or line.startswith(b"data: [DONE]")
                if not line.startswith(b"data: {"):
                    continue
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    raise RuntimeError(chunk["error"]["message"])
                now = time.monotonic()
                pause = max(pause, now - last)
                if result:
                    gaps.append(now - last)
                last = now
                moved = moved or (chunk.get("e2llm") or {}).get("migrations", 0) > 0
                if chunk["choices"]:
                    result += chunk["choices"][0]["delta"].get("content") or ""
        if not done:
            raise ConnectionError("the stream ended early")
        gaps = sorted(gaps)[:-1]
        return Streamed(result, pause, sum(gaps) / max(1, len(gaps)), moved)

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
                pause = load.stream(body).pause
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

            def client(words=words, tokens=tokens, seeds=seeds):
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


class Streams:
    """Six streams all the time, each with the text that it had before anything happened."""

    def __init__(self, cluster):
        self.load = Load(cluster.url)
        self.bodies = [
            {"messages": [{"role": "user", "content": f"Write a long story about a {what}."}], "max_tokens": 150}
            for what in ["dragon", "river", "castle", "robot", "forest", "sailor"]
        ]
        self.expected = [self.load.stream(body).text for body in self.bodies]
        self.token_seconds = []
        self.threads = together(*[lambda index=index: self.client(index) for index in range(len(self.bodies))])

    def client(self, index):
        load = self.load
        while not load.stopped.is_set():
            try:
                streamed = load.stream(self.bodies[index])
                with load.lock:
                    load.right += streamed.text == self.expected[index]
                    load.wrong += streamed.text != self.expected[index]
                    load.migrated += streamed.moved
                    load.pauses.append(streamed.pause)
                    if not streamed.moved:
                        self.token_seconds.append(streamed.token_seconds)
            except Exception as error:
                if time.monotonic() < load.cut_until and not isinstance(error, urllib.error.HTTPError):
                    with load.lock:
                        load.cut += 1
                    load.stopped.wait(0.2)
                else:
                    load.fail("stream", error)

    def undisturbed(self, seconds):
        """The usual time of a token, over a while in which nothing happens."""
        self.load.stopped.wait(seconds)
        with self.load.lock:
            usual, self.token_seconds, self.load.pauses = median(self.token_seconds), [], []
        return usual

    def end(self, title, usual):
        load = self.load
        load.stopped.set()
        for thread in self.threads:
            thread.join()
        pauses = sorted(load.pauses)

        def part(share):
            return pauses[min(len(pauses) - 1, int(share * len(pauses)))] if pauses else 0
        print(f"{title}: {load.right} streams right, {load.wrong} wrong, {len(load.failures)} failed, "
              f"{load.migrated} moved, {load.cut} cut off by the gateway's end; "
              f"longest pause of a stream: median {part(0.5):.2f} s, P90 {part(0.9):.2f} s, P99 {part(0.99):.2f} s, "
              f"most {part(1):.2f} s; time of a token of those that did not move: {median(self.token_seconds) * 1000:.1f} ms, "
              f"usually {usual * 1000:.1f} ms", flush=True)
        return load.wrong == 0 and not load.failures


def median(values):
    return sorted(values)[len(values) // 2] if values else 0.0


def processes(cluster, names):
    return [(pid, name) for name in names for pid in cluster.descendants() if is_executable(pid, name)]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kills(cluster, count, names, interval, seed):
    streams = Streams(cluster)
    usual = streams.undisturbed(20)
    chooser = random.Random(seed)
    for _ in range(count):
        name = chooser.choice(names)
        if victims := processes(cluster, [name]):
            if name == "gateway":
                streams.load.cut_until = time.monotonic() + 15
            send(chooser.choice(victims)[0], signal.SIGKILL)
        streams.load.stopped.wait(interval)
    return streams.end(f"kills: {count} of {', '.join(names)}", usual)


def stops(cluster, count, interval, seed):
    streams = Streams(cluster)
    usual = streams.undisturbed(20)
    chooser = random.Random(seed)
    for _ in range(count):
        if victims := processes(cluster, ["decoder-worker"]):
            pid = chooser.choice(victims)[0]
            send(pid, signal.SIGSTOP)
            streams.load.stopped.wait(5)
            send(pid, signal.SIGCONT)
        streams.load.stopped.wait(interval)
    return streams.end(f"stops: {count} of decoder-worker, 5 s each", usual)


def busiest(cluster):
    """The decoder worker that computes most."""
    def ticks():
        result = {}
        for pid, _ in processes(cluster, ["decoder-worker"]):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            result[pid] = int(fields[11]) + int(fields[12])
        return result
    before = ticks()
    time.sleep(3)
    return max(ticks().items(), key=lambda item: item[1] - before.get(item[0], 0))[0]


def slow(cluster, seconds):
    """One device gets a quarter of its time, for so long: when is there another plan?"""
    streams = Streams(cluster)
    usual = streams.undisturbed(20)
    victim = busiest(cluster)
    device = next((line.split("=", 1)[1] for line in
                   pathlib.Path(f"/proc/{victim}/cmdline").read_bytes().decode().split("\0")
                   if line.startswith("worker.device=")), "?")
    before = plan_changes(cluster)
    begin, changed = time.monotonic(), None
    while (passed := time.monotonic() - begin) < seconds:
        send(victim, signal.SIGSTOP)
        time.sleep(0.03)
        send(victim, signal.SIGCONT)
        time.sleep(0.01)
        if changed is None and plan_changes(cluster) > before:
            changed = passed
    when = "no other plan" if changed is None else f"another plan after {changed:.1f} s"
    return streams.end(f"slow: {device} with a quarter of its time for {seconds:.0f} s: {when}", usual)


def gateway(cluster, count):
    load = Load(cluster.url)
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    away = []
    for _ in range(count):
        for pid, _ in processes(cluster, ["gateway"]):
            send(pid, signal.SIGKILL)
        begin = time.monotonic()
        while time.monotonic() - begin < 60:
            try:
                with load.post(body) as answer:
                    json.load(answer)
                break
            except OSError:
                time.sleep(0.02)
        away.append(time.monotonic() - begin)
    print(f"gateway: {count} kills, until a chat was answered: median {median(away):.2f} s, most {max(away):.2f} s",
          flush=True)
    return max(away) < 60


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
    parser.add_argument("--stops", type=int, default=0, help="decoder workers to stop for five seconds")
    parser.add_argument("--slow", type=float, default=0, help="seconds in which a device has a quarter of its time")
    parser.add_argument("--gateway", type=int, default=5, help="times to kill the gateway")
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
            if options.stops > 0:
                passed &= stops(cluster, options.stops, options.every + 5, options.seed)
            if options.slow > 0:
                passed &= slow(cluster, options.slow)
            if options.gateway > 0:
                passed &= gateway(cluster, options.gateway)
        finally:
            cluster.stop()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
