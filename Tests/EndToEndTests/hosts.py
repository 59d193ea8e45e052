"""A fleet over several hosts, each a network namespace: control plane and one small device on the first one, devices on others
behind a router. Devices join with one token each, chat is answered by all together, a host leaves and comes back with another
address, another one joins over IPv6, a revoked token lets nobody in, and a link that becomes slow is noticed.

Needs root and the `ip` command; without them it says so and ends.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from cluster import wait_for

FLEET = """devices:
  - id: near
    threads: 1
    compute_share: 0.35
    memory_limit: 144M
"""
PROMPT = "The capital of France is"


class Network:
    """Four hosts and a router between two subnets."""

    ADDRESSES = {"control": "10.91.1.2", "one": "10.91.1.3", "two": "10.91.2.2", "three": "fd91::1:4"}

    def __init__(self):
        self.prefix = f"e2{os.getpid() % 10000}"
        self.names = []

    def run(self, *command, check=True):
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=20)

    def name(self, host):
        return f"{self.prefix}-{host}"

    def add(self, host, address, gateway=None, length=24):
        """A host on the subnet of the router's port that is named after it."""
        name, port = self.name(host), f"r{len(self.names)}"
        self.run("ip", "netns", "add", name)
        self.names.append(name)
        self.run("ip", "link", "add", port, "netns", self.name("router"), "type", "veth", "peer", "name", "eth0", "netns", name)
        self.inside(host, "ip", "link", "set", "lo", "up")
        self.inside(host, "ip", "address", "add", f"{address}/{length}", "dev", "eth0", "nodad")
        self.inside(host, "ip", "link", "set", "eth0", "up")
        self.inside("router", "ip", "link", "set", port, "master", "lan2" if address.startswith("10.91.2.") else "lan1")
        self.inside("router", "ip", "link", "set", port, "up")
        if gateway:
            self.inside(host, "ip", "route", "add", "default", "via", gateway)

    def start(self):
        router = self.name("router")
        self.run("ip", "netns", "add", router)
        self.names.append(router)
        self.inside("router", "ip", "link", "set", "lo", "up")
        for lan, address in [("lan1", "10.91.1.1/24"), ("lan2", "10.91.2.1/24")]:
            self.inside("router", "ip", "link", "add", lan, "type", "bridge")
            self.inside("router", "ip", "address", "add", address, "dev", lan)
            self.inside("router", "ip", "link", "set", lan, "up")
        self.inside("router", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.add("control", self.ADDRESSES["control"], "10.91.1.1")
        self.inside("control", "ip", "address", "add", "fd91::1:2/64", "dev", "eth0", "nodad")
        self.add("one", self.ADDRESSES["one"], "10.91.1.1")
        self.add("two", self.ADDRESSES["two"], "10.91.2.1")
        self.add("three", self.ADDRESSES["three"], length=64)

    def inside(self, host, *command, check=True):
        return self.run("ip", "netns", "exec", self.name(host), *command, check=check)

    def move(self, host, old, new, gateway):
        self.inside(host, "ip", "address", "del", f"{old}/24", "dev", "eth0")
        self.inside(host, "ip", "address", "add", f"{new}/24", "dev", "eth0")
        self.inside(host, "ip", "route", "add", "default", "via", gateway, check=False)

    def slow_down(self, host, rate):
        self.inside(
            host, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "32kbit",
            "latency", "400ms")

    def stop(self):
        for name in reversed(self.names):
            for pid in self.run("ip", "netns", "pids", name, check=False).stdout.split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.run("ip", "netns", "del", name, check=False)


class Fleet:
    def __init__(self, options, network, folder):
        self.options, self.network, self.folder = options, network, pathlib.Path(folder)
        self.environment = {
            **os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "XDG_DATA_HOME": str(self.folder / "data")}
        self.e2llm = str(pathlib.Path(options.binaries) / "e2llm")
        self.processes = {}

    def spawn(self, host, name, *arguments):
        output = open(self.folder / f"{name}.log", "a")
        self.processes[name] = subprocess.Popen(
            ["ip", "netns", "exec", self.network.name(host), self.e2llm, *arguments], stdout=output, stderr=subprocess.STDOUT,
            env=self.environment)

    def ask(self, host, *arguments, check=True):
        return subprocess.run(
            ["ip", "netns", "exec", self.network.name(host), self.e2llm, *arguments], capture_output=True, text=True,
            env=self.environment, check=check, timeout=60)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def start(self):
        fleet = self.folder / "fleet.yaml"
        fleet.write_text(FLEET)
        self.spawn(
            "control", "up", "up", "--listen", Network.ADDRESSES["control"], "--base-port", "5550", "--model", self.options.model,
            "--fleet", str(fleet), "--directory", str(self.folder / "up"), "--set", "profiler.link_check_s=5",
            "--set", "clusterer.kv_types=f16")
        wait_for("the profiler answers", 60, lambda: self.ask("control", "nodes", "--json", check=False).returncode == 0)

    def invite(self, *arguments):
        return self.ask("control", "invite", *arguments).stdout.strip()

    def join(self, host, device, token):
        secret = self.folder / f"{device}.token"
        secret.write_text(token)
        secret.chmod(0o600)
        self.spawn(
            host, device, "device", "--join", str(secret), "--id", device, "--model", self.options.model, "--threads", "1",
            "--compute-share", "0.5", "--memory-limit", "192M")

    def leave(self, device):
        process = self.processes.pop(device)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)

    def nodes(self):
        return json.loads(self.ask("control", "nodes", "--json").stdout)

    def states(self):
        return {device["id"]: device["state"] for device in self.nodes()["devices"]}

    def planned(self):
        answer = self.ask("control", "plan", "--json", check=False)
        plan = json.loads(answer.stdout).get("plan") if answer.returncode == 0 else None
        return {stage["device"] for replica in plan["replicas"] for stage in replica["stages"]} if plan else set()

    def complete(self):
        body = json.dumps({"prompt": PROMPT, "max_tokens": 24, "temperature": 0})
        answer = subprocess.run(
            ["ip", "netns", "exec", self.network.name("control"), "curl", "-s", "--max-time", "60",
             "http://127.0.0.1:8080/v1/completions", "-H", "content-type: application/json", "-d", body],
            check=False, capture_output=True, text=True, timeout=70)
        return json.loads(answer.stdout)["choices"][0]["text"] if answer.returncode == 0 and "choices" in answer.stdout else None

    def stop(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def check(options, network, fleet):
    reference = json.loads(subprocess.run(
        [fleet.e2llm, "generate", "--model", options.model, "--prompt", PROMPT, "--max-tokens", "24", "--json"],
        capture_output=True, text=True, check=True, timeout=120).stdout)["text"]
    fleet.start()
    for host, device in [("one", "far-1"), ("two", "far-2")]:
        fleet.join(host, device, fleet.invite("--device", device))
    wait_for("all devices are ready", 90, lambda: list(fleet.states().values()) == ["ready"] * 3)
    wait_for("a plan over hosts", 60, lambda: len(fleet.planned()) >= 2 and fleet.planned() & {"far-1", "far-2"})
    assert wait_for("an answer", 60, fleet.complete) == reference
    print("passed: three hosts, two subnets", flush=True)

    fleet.leave("far-2")
    wait_for("it is seen to be gone", 30, lambda: fleet.states()["far-2"] == "lost")
    network.move("two", "10.91.2.2", "10.91.2.9", "10.91.2.1")
    fleet.join("two", "far-2", (fleet.folder / "far-2.token").read_text())
    wait_for("it is back", 60, lambda: fleet.states()["far-2"] == "ready")
    endpoints = [worker["endpoint"] for device in fleet.nodes()["devices"] if device["id"] == "far-2"
                 for worker in device["workers"] if worker["alive"]]
    assert endpoints and all("10.91.2.9" in endpoint for endpoint in endpoints), endpoints
    assert wait_for("an answer", 60, fleet.complete) == reference
    print("passed: a host came back with another address", flush=True)

    # The token of far-1 is for far-1 only, whatever the file is called.
    fleet.join("one", "far-3", (fleet.folder / "far-1.token").read_text())
    wait_for("it is told why", 30, lambda: "may not speak for device far-3" in fleet.log("far-3"))
    fleet.leave("far-3")
    names = json.loads(fleet.ask("control", "keys", "list", str(fleet.folder / "up/keys"), "--json").stdout)["keys"]
    invited = next(key["identity"] for key in names if key.get("devices") == ["far-1"])
    fleet.ask("control", "keys", "revoke", str(fleet.folder / "up/keys"), invited)
    wait_for("a revoked device is lost", 30, lambda: fleet.states()["far-1"] == "lost")
    assert "far-3" not in fleet.states()
    assert wait_for("an answer without it", 60, fleet.complete) == reference
    print("passed: tokens are for who they were made for, until they are revoked", flush=True)

    network.slow_down("two", "4mbit")
    wait_for("the slow link is noticed", 90, lambda: "the link from far-2 to near carries" in
             (fleet.folder / "up/logs/profiler.log").read_text())
    assert wait_for("an answer", 60, fleet.complete) == reference
    print("passed: a link that became slow was noticed", flush=True)


def check_ipv6(options, network, fleet):
    """A fleet whose control plane listens on an IPv6 address."""
    file = fleet.folder / "fleet.yaml"
    file.write_text(FLEET)
    fleet.spawn(
        "control", "up", "up", "--listen", "fd91::1:2", "--model", options.model, "--fleet", str(file), "--directory",
        str(fleet.folder / "up"))
    wait_for("the profiler answers", 60, lambda: fleet.ask("control", "nodes", "--json", check=False).returncode == 0)
    fleet.join("three", "far-6", fleet.invite())
    wait_for("both are ready", 90, lambda: list(fleet.states().values()) == ["ready"] * 2)
    wait_for("an answer", 90, fleet.complete)
    assert "far-6" in fleet.planned(), fleet.planned()
    print("passed: a host joined over IPv6", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("ip"):
        print("SKIPPED: hosts in network namespaces need root and the ip command (iproute2)")
        return
    failed = 0
    for test in [check, check_ipv6]:
        network = Network()
        with tempfile.TemporaryDirectory(prefix="e2llm-hosts-") as folder:
            fleet = Fleet(options, network, folder)
            started = time.monotonic()
            try:
                network.start()
                test(options, network, fleet)
            except Exception:
                failed += 1
                traceback.print_exc()
                for log in [*fleet.folder.glob("*.log"), *fleet.folder.glob("up/logs/*.log")]:
                    print(f"== {log.name}\n" + "\n".join(log.read_text().splitlines()[-15:]))
            finally:
                fleet.stop()
                network.stop()
        print(f"{test.__name__}: {time.monotonic() - started:.0f} s", flush=True)
    print(f"{2 - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
