"""Runs a fleet with Prometheus and the files of compose/monitoring; `scripts/test-monitoring` calls it."""
import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "compose" / "monitoring"
ALERT = "DeviceLost"
# Two devices, each of which holds the whole model, so that one can be lost.
FLEET = """
devices:
  - {id: first, threads: 1, compute_share: 0.4, memory_limit: 384M}
  - {id: second, threads: 1, compute_share: 0.4, memory_limit: 384M}
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fetch(url, body=None, timeout=10):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read().decode()


def wait(what, seconds, check):
    """Waits until `check` returns something; what it raises counts as nothing."""
    end = time.monotonic() + seconds
    problem = None
    while time.monotonic() < end:
        try:
            result = check()
            if result:
                return result
        except (urllib.error.URLError, OSError, ValueError) as error:
            problem = error
        time.sleep(0.5)
    raise SystemExit(f"error: {what} did not happen within {seconds} s{f' ({problem})' if problem else ''}")


class Processes:
    """What was started; all of it is ended, whatever happens."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, arguments, environment=None):
        log = open(self.folder / f"{name}.log", "w")
        process = subprocess.Popen(
            [str(argument) for argument in arguments], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})}, start_new_session=True)
        self.running.append((name, process, log))
        return process

    def end(self):
        for _, process, _ in reversed(self.running):
            process.terminate()
        for name, process, log in reversed(self.running):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                say(f"{name} had to be killed")
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
            log.close()

    def check(self):
        for name, process, _ in self.running:
            if process.poll() is not None:
                raise SystemExit(f"error: {name} ended:\n" + (self.folder / f"{name}.log").read_text()[-2000:])


def configuration(folder, gateway, exporter):
    """The product's own configuration with other targets, and shorter intervals so that the test is short."""
    text = (FILES / "prometheus.yaml").read_text()
    for old, new in [
            ("gateway:8080", f"127.0.0.1:{gateway}"), ("exporter:9464", f"127.0.0.1:{exporter}"),
            ("scrape_interval: 5s", "scrape_interval: 2s"), ("evaluation_interval: 5s", "evaluation_interval: 1s"),
            ("scrape_timeout: 4s", "scrape_timeout: 2s")]:
        if old not in text:
            raise SystemExit(f"error: prometheus.yaml lacks {old}")
        text = text.replace(old, new)
    (folder / "prometheus.yaml").write_text(text)
    (folder / "alerts.yaml").write_text((FILES / "alerts.yaml").read_text())
    return folder / "prometheus.yaml"


def queries():
    """Every query of every dashboard."""
    found = []
    for path in sorted((FILES / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            found += [(path.stem, panel["title"], target["expr"]) for target in panel["targets"]]
    if len(found) < 20:
        raise SystemExit(f"error: only {len(found)} queries were found")
    return found


def ask(prometheus, query):
    answer = json.loads(fetch(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query})))
    return answer["data"]["result"]


def firing(prometheus):
    alerts = json.loads(fetch(f"{prometheus}/api/v1/alerts"))["data"]["alerts"]
    return [alert for alert in alerts if alert["labels"]["alertname"] == ALERT and alert["state"] == "firing"]


def workers(process, device):
    """The worker processes of a device below `e2llm up`."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().split(b"\0")
            session = os.getsid(int(folder.name))
        except OSError:
            continue
        if session == process.pid and f"worker.device={device}".encode() in line and line[0].endswith(b"-worker"):
            found.append(int(folder.name))
    return found


def talk(gateway):
    """Some requests, of which the boards have something to show."""
    for index in range(3):
        body = {"prompt": f"Story {index}: once upon a time", "max_tokens": 24, "ignore_eos": True}
        fetch(f"{gateway}/v1/completions", body, timeout=60)


def missing(prometheus, gateway):
    """The queries without data; requests go on meanwhile, as rates need two samples."""
    end = time.monotonic() + 60
    while True:
        talk(gateway)
        empty = [query for query in queries() if not ask(prometheus, query[2])]
        if not empty or time.monotonic() > end:
            return empty


def run(options, folder, processes):
    ports = [free_port() for _ in range(3)]
    gateway, exporter, prometheus = (f"http://127.0.0.1:{port}" for port in ports)
    (folder / "fleet.yaml").write_text(FLEET)
    state = {"XDG_STATE_HOME": str(folder / "state")}
    e2llm = pathlib.Path(options.binaries) / "e2llm"
    fleet = processes.start(
        "fleet", [e2llm, "up", "--model", options.model, "--fleet", folder / "fleet.yaml", "--port", ports[0]], state)
    say("waiting for the fleet")

    def ready():
        processes.check()
        return fetch(f"{gateway}/health")
    wait("the fleet", 120, ready)
    processes.start("exporter", [e2llm, "exporter", "--port", ports[0], "--listen", f"127.0.0.1:{ports[1]}"], state)
    processes.start("prometheus", [
        "prometheus", f"--config.file={configuration(folder, ports[0], ports[1])}",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{ports[2]}"])

    def scraped():
        processes.check()
        return len(ask(prometheus, "up == 1")) == 2
    wait("Prometheus", 60, scraped)
    say(f"asking {len(queries())} queries")
    empty = missing(prometheus, gateway)
    for board, title, query in empty:
        say(f"no data: {board}, {title}: {query}")
    if empty:
        raise SystemExit(f"error: {len(empty)} of {len(queries())} queries return nothing")
    if firing(prometheus):
        raise SystemExit(f"error: {ALERT} fires although nothing is wrong")

    stopped = workers(fleet, "second")
    if not stopped:
        raise SystemExit("error: the workers of the second device were not found")
    say(f"stopping the workers of a device ({len(stopped)})")
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        fired = wait(f"{ALERT}", 90, lambda: firing(prometheus))
    finally:
        for process in stopped:
            try:
                os.kill(process, signal.SIGCONT)
            except ProcessLookupError:
                pass
    if fired[0]["labels"].get("device") != "second":
        raise SystemExit(f"error: {ALERT} names another device: {fired[0]['labels']}")
    say(f"{ALERT} fires: {fired[0]['annotations']['summary']}")
    wait(f"the end of {ALERT}", 90, lambda: not firing(prometheus))
    say(f"{ALERT} has cleared")
    print(f"monitoring: {len(queries())} queries of the dashboards return data, {ALERT} fired and cleared")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True, help="the folder with the executables")
    parser.add_argument("--model", required=True, help="the model file")
    options = parser.parse_args()
    # SIGTERM ends what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    subprocess.run(["promtool", "check", "rules", FILES / "alerts.yaml"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="e2llm-monitoring-") as name:
        processes = Processes(pathlib.Path(name))
        try:
            run(options, pathlib.Path(name), processes)
        finally:
            processes.end()


if __name__ == "__main__":
    main()
