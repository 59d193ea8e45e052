"""Starts and ends the servers that scripts/bench serve compares: fleets of ours, llama-server, llama.cpp over RPC."""
import ctypes
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

CONTEXT = 1024  # tokens of one slot of llama-server
PDEATHSIG = 1  # PR_SET_PDEATHSIG of prctl(2)
LIBC = ctypes.CDLL(None, use_errno=True)


def free_port():
    """A free port below those of outgoing connections: it is still free when it is bound again."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", random.randrange(10_000, first) if first > 12_000 else 0))
            except OSError:
                continue
            return listener.getsockname()[1]
    raise SystemExit("error: no free port")


def die_with_parent():
    """In a child: SIGTERM when whoever started it is gone, however it went."""
    LIBC.prctl(PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Server:
    """Processes behind one OpenAI-compatible address."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = []
        self.told = {}
        folder.mkdir(parents=True, exist_ok=True)

    def spawn(self, *arguments, log, environment=None):
        with open(self.folder / log, "w") as output:
            self.processes.append(subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, preexec_fn=die_with_parent))  # noqa: PLW1509

    def wait(self, what, seconds, condition):
        deadline = time.monotonic() + seconds
        while not condition():
            for process in self.processes:
                if process.poll() is not None:
                    raise SystemExit(f"error: {self.name} ended before {what}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise SystemExit(f"error: {self.name}: {what} not within {seconds} s:\n{self.tail()}")
            time.sleep(0.1)

    def healthy(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def tail(self):
        return "\n".join(
            f"== {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:])
            for path in sorted(self.folder.glob("*.log")))

    def stop(self):
        """Ends the youngest first: servers of parts are there as long as someone may ask them."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=40)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.processes = []


class Fleet(Server):
    """`e2llm up` with a fleet file."""

    def __init__(self, name, folder, binary, fleet, stages=None):
        super().__init__(name, folder)
        self.binary = binary
        self.fleet = fleet
        self.stages = stages
        self.environment = {"XDG_STATE_HOME": str(folder / "state")}

    def start(self, model):
        self.spawn(
            self.binary, "up", "--model", model, "--fleet", self.fleet, "--port", self.port, "--directory",
            self.folder / "up", log="up.log", environment=self.environment)
        log = self.folder / "up.log"
        self.wait("it is ready", 120, lambda: f"ready: {self.url}" in log.read_text(errors="replace"))
        report = json.loads(subprocess.run(
            [self.binary, "plan", "--json"], env={**os.environ, **self.environment}, capture_output=True, text=True,
            check=True, timeout=60).stdout)
        self.told = {"replicas": [
            {"role": replica["role"], "stages": [layers(stage) for stage in replica["stages"]]}
            for replica in report["replicas"]]}
        if self.stages and any(len(replica["stages"]) != self.stages for replica in report["replicas"]):
            raise SystemExit(
                f"error: {self.name} was to have {self.stages} stages, the plan has {self.told['replicas']}")


class LlamaServer(Server):
    """`llama-server`, alone or with its layers on RPC servers of one thread each."""

    def __init__(self, name, folder, binaries, slots, threads, rpc=0):
        super().__init__(name, folder)
        self.binaries = binaries
        self.slots = slots
        self.threads = threads
        self.rpc = rpc

    def start(self, model):
        more = []
        if self.rpc:
            ports = [free_port() for _ in range(self.rpc)]
            for port in ports:
                self.spawn(
                    self.binaries / "ggml-rpc-server", "--host", "127.0.0.1", "--port", port, "--threads", 1,
                    log=f"rpc-{port}.log")
            for port in ports:
                self.wait("its RPC servers listen", 30, lambda port=port: listens(port))
            devices = ",".join(f"RPC{index}" for index in range(self.rpc))
            more = ["--rpc", ",".join(f"127.0.0.1:{port}" for port in ports), "--device", devices, "--gpu-layers", 999]
        self.spawn(
            self.binaries / "llama-server", "--model", model, "--host", "127.0.0.1", "--port", self.port, "--parallel",
            self.slots, "--ctx-size", self.slots * CONTEXT, "--threads", self.threads, "--threads-batch", self.threads,
            *more, log="llama-server.log")
        self.wait("it is ready", 120, self.healthy)
        self.told = {"slots": self.slots, "threads": self.threads, "rpc_servers": self.rpc}


def layers(stage):
    return f"{stage['device']} {stage['layers']['start']}..<{stage['layers']['end']}"


def listens(port):
    """Whether somebody listens, without a connection that a server of one client would take for its client."""
    wanted = f":{port:04X}"
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(wanted) and fields[3] == "0A":
            return True
    return False
