"""Starts and stops a real cluster for the end-to-end tests."""
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_port():
    """A free port below those that the system gives to outgoing connections: it is still free when it is bound again."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", random.randrange(10_000, first) if first > 12_000 else 0))
            except OSError:
                continue
            return listener.getsockname()[1]
    raise AssertionError("no free port")


def wait_for(what, seconds, condition):
    """Polls until the condition holds; its value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


class Cluster:
    def __init__(self, binaries, model, fleet, folder, settings=()):
        self.binaries = pathlib.Path(binaries)
        self.model = model
        self.fleet = fleet
        self.folder = pathlib.Path(folder)
        # What is compared with `generate` must be kept as it keeps it.
        pinned = [] if any(s.startswith("clusterer.kv_types=") for s in settings) else ["clusterer.kv_types=f16"]
        self.settings = [*pinned, *settings]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}
        self.output = self.folder / "up.log"

    def start(self):
        with open(self.output, "w") as output:
            self.process = subprocess.Popen(
                [self.binaries / "e2llm", "up", "--model", self.model, "--fleet", self.fleet, "--port", str(self.port),
                 "--directory", str(self.folder / "up"), *[part for s in self.settings for part in ("--set", s)]],
                stdout=output, stderr=subprocess.STDOUT, env=self.environment)
        self.wait_ready(120)

    def wait_ready(self, seconds):
        def ready():
            assert self.process.poll() is None, f"up ended:\n{self.output.read_text()}"
            return f"ready: {self.url}" in self.output.read_text()
        wait_for("ready", seconds, ready)

    def healthy(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def e2llm(self, *arguments, text=None, check=True):
        return subprocess.run(
            [self.binaries / "e2llm", *arguments], input=text, capture_output=True, text=True, env=self.environment,
            check=check, timeout=120)

    def json(self, *arguments):
        return json.loads(self.e2llm(*arguments, "--json").stdout)

    def descendants(self):
        """All processes below `up`: pid -> (command name, command line)."""
        parents = {}
        names = {}
        for folder in pathlib.Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    stat = (folder / "stat").read_text()
                    line = (folder / "cmdline").read_bytes().split(b"\0")
                    names[int(folder.name)] = (pathlib.Path(line[0].decode()).name, b" ".join(line).decode())
                except (FileNotFoundError, ProcessLookupError):
                    continue
                parents[int(folder.name)] = int(re.sub(r"^.*\) ", "", stat).split()[1])
        found = {self.process.pid}
        while True:
            more = {pid for pid, parent in parents.items() if parent in found} - found
            if not more:
                break
            found |= more
        return {pid: names[pid] for pid in found - {self.process.pid}}

    def find(self, name, argument=""):
        return {pid for pid, (command, line) in self.descendants().items() if command == name and argument in line}

    def kill(self, name, argument=""):
        """Ends a process hard and waits until another one is in its place."""
        before = self.find(name, argument)
        os.kill(min(before), signal.SIGKILL)
        wait_for(f"{name} starts again", 30, lambda: self.find(name, argument) - before)

    def stop(self):
        if self.process.poll() is None:
            children = self.descendants()
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=40)
            wait_for("all processes end", 10, lambda: not any(
                pathlib.Path(f"/proc/{pid}/stat").exists() and ") Z " not in pathlib.Path(f"/proc/{pid}/stat").read_text()
                for pid in children))

    def logs(self):
        parts = [self.output.read_text()] if self.output.exists() else []
        for path in sorted((self.folder / "up/logs").glob("*.log")):
            parts.append(f"== {path.name}\n" + "\n".join(path.read_text().splitlines()[-25:]))
        return "\n".join(parts)
