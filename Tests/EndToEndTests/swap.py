"""Services that are other programs: each stand-in of Tests/Conformance takes the place of ours in a running fleet."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

from cluster import Cluster, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAND_INS = ROOT / "Tests/Conformance"
PROMPT = "The capital of France is"


class SwappedCluster(Cluster):
    def __init__(self, options, folder, service, file, settings=(), fleet=None):
        super().__init__(options.binaries, options.model, fleet or options.fleet, folder, settings)
        self.replace = f"{service}={STAND_INS / file}"
        # Scripts find the interpreter that has pyzmq.
        self.environment["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"

    def start(self):
        with open(self.output, "w") as output:
            self.process = subprocess.Popen(
                [self.binaries / "e2llm", "up", "--model", self.model, "--fleet", self.fleet, "--port", str(self.port),
                 "--directory", str(self.folder / "up"), "--replace", self.replace,
                 *[part for setting in self.settings for part in ("--set", setting)]],
                stdout=output, stderr=subprocess.STDOUT, env=self.environment)
        self.wait_ready(120)

    def complete(self, tokens=24, **fields):
        body = {"prompt": PROMPT, "max_tokens": tokens, "temperature": 0, **fields}
        request = urllib.request.Request(
            f"{self.url}/v1/completions", json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)


def reference(options):
    return json.loads(subprocess.run(
        [f"{options.binaries}/e2llm", "generate", "--model", options.model, "--prompt", PROMPT, "--max-tokens", "24", "--json"],
        capture_output=True, text=True, check=True, timeout=120).stdout)["text"]


def broken_rules(cluster, service, endpoint):
    """The rules that a service breaks."""
    answer = cluster.e2llm("conformance", "--service", service, "--endpoint", endpoint, "--json", check=False)
    assert answer.returncode in (0, 1), answer.stderr
    results = json.loads(answer.stdout)
    assert len(results) > 15 and (answer.returncode == 1) == any("problem" in result for result in results)
    return [result for result in results if "problem" in result]


def endpoints(cluster):
    record = max((cluster.folder / "state/e2llm/clusters").glob("*.json"), key=lambda file: file.stat().st_mtime)
    return json.loads(record.read_text())["endpoints"]


ROUTERS = {"profiler": "registry", "partitioner": "partition", "clusterer": "plan", "scheduler": "control", "gateway": "tokens"}

BROKEN = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from e2llm_wire import Service, WireError

class Careless(Service):
    # Answers without the id of the question.
    def reply(self, socket, message, type, body=None):
        if type == "pong":
            return super().reply(socket, message, type, body)
        self.send(socket, type, body, message.peer, status="ok")

def handle(message):
    raise WireError("Bad Code", "")

endpoint = sys.argv.pop(1)
service = Careless("careless")
socket = service.server(endpoint, handle)
print("ready", flush=True)
service.run()
"""


def check_a_broken_service_is_reported(options, folder):
    """A service that forgets ids and has codes of its own is told what it breaks; ours break nothing."""
    cluster = SwappedCluster(options, folder, "clusterer", "clusterer.py")
    yield cluster
    places = endpoints(cluster)
    for service, socket in ROUTERS.items():
        assert not (found := broken_rules(cluster, service, places[socket])), (service, found)
    worker = cluster.json("nodes", "--port", str(cluster.port))["devices"][0]["workers"][0]["endpoint"]
    assert not (found := broken_rules(cluster, "worker", worker)), found
    endpoint = f"ipc://{folder}/careless"
    process = subprocess.Popen(
        [sys.executable, "-c", BROKEN, str(STAND_INS), endpoint], stdout=subprocess.PIPE, text=True, env=cluster.environment)
    try:
        assert process.stdout.readline().strip() == "ready"
        rules = {result["rule"]: result["problem"] for result in broken_rules(cluster, "clusterer", endpoint)}
        assert "repeats the id" in rules["the run loop says how it is"], rules
        assert "instead of unknown_type" in rules["an unknown type is an error"], rules
    finally:
        process.terminate()
        process.wait(timeout=10)


def check_clusterer(options, folder):
    cluster = SwappedCluster(options, folder, "clusterer", "clusterer.py")
    yield cluster
    assert cluster.json("plan", "--port", str(cluster.port))["plan"]["algorithm"] == "greedy"
    assert cluster.complete()["choices"][0]["text"] == reference(options)


def stage(device, start, end):
    return {"device": device, "layers": {"start": start, "end": end}, "predicted_prefill_s": 0.5, "predicted_decode_s": 0.03}


def replica(name, role, stages, capacity=4096):
    return {"id": name, "role": role, "decode_concurrency": 0 if role == "prefill" else 4, "kv_capacity_tokens": capacity,
            "predicted_requests_per_s": 1, "predicted_token_gap_s": 0 if role == "prefill" else 0.03, "stages": stages}


def fixed_plan(replicas):
    return {"id": "fixed", "model": "", "fleet_version": 0, "predicted_requests_per_s": 1, "objective": 1, "algorithm": "by hand",
            "relaxations": [], "idle_devices": [], "replicas": replicas,
            "workload": {"requests_per_s": 1, "mean_prompt_tokens": 256, "mean_output_tokens": 128, "arrival_variation": 1,
                         "sample_count": 0}}


def write_plan(folder, plan):
    file = pathlib.Path(folder) / "plan.json"
    file.write_text(json.dumps(plan))
    return str(file)


def check_plan_from_a_file(options, folder):
    """An experiment fixes the plan: two prefill stages on the boards, the laptop decodes, the desktop is idle."""
    plan = fixed_plan([replica("p", "prefill", [stage("board-a", 0, 17), stage("board-b", 17, 30)], 1024),
                       replica("d", "decode", [stage("laptop", 0, 30)])])
    cluster = SwappedCluster(options, folder, "clusterer", "clusterer.py")
    cluster.environment["E2LLM_CLUSTERER_PLAN_FILE"] = write_plan(folder, plan)
    yield cluster
    answer = cluster.complete()
    assert answer["choices"][0]["text"] == reference(options)
    assert (answer["e2llm"]["prefill_replica"], answer["e2llm"]["decode_replica"]) == ("p", "d"), answer["e2llm"]


def check_sequences_move_with_their_kv(options, folder):
    """A decoder that is asked to stop hands its sequences over: they go on in the other one, with the same text, and nothing is
    computed again."""
    plan = fixed_plan([replica("p", "prefill", [stage("desktop", 0, 30)]), replica("d1", "decode", [stage("laptop", 0, 30)]),
                       replica("d2", "decode", [stage("board-a", 0, 17), stage("board-b", 17, 30)])])
    cluster = SwappedCluster(options, folder, "clusterer", "clusterer.py")
    cluster.environment["E2LLM_CLUSTERER_PLAN_FILE"] = write_plan(folder, plan)
    # With guesses the answer would be over before anybody leaves.
    cluster.environment["E2LLM_SCHEDULER_SPECULATION"] = "false"
    yield cluster
    expected = cluster.complete(400, ignore_eos=True)

    def running():
        with urllib.request.urlopen(f"{cluster.url}/v1/cluster", timeout=5) as answer:
            state = json.load(answer)["scheduler"]
        return {replica["replica"]: replica["requests"] for replica in state["replicas"]}
    wait_for("nothing runs", 30, lambda: sum(running().values()) == 0)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(cluster.complete(400, ignore_eos=True)))
    thread.start()
    wait_for("it decodes", 30, lambda: sum(running().values()) == 1 and running()["p"] == 0)
    home = next(name for name, count in running().items() if count)
    other, device = {"d1": ("d2", "laptop"), "d2": ("d1", "board-b")}[home]
    os.kill(min(cluster.find("decoder-worker", f"worker.device={device}")), signal.SIGTERM)
    thread.join()
    record = answers[0]["e2llm"]
    assert answers[0]["choices"][0]["text"] == expected["choices"][0]["text"], answers
    assert (record["kv_migrations"], record["migrations"], record["decode_replica"]) == (1, 1, other), record


def check_memory_behind_a_slow_link(options, folder):
    """The last prefill stage sends over 1 MB/s: what it cannot send is not piled up, the stages before it wait."""
    fleet = pathlib.Path(folder) / "fleet.yaml"
    before, after = pathlib.Path(options.fleet).read_text().split("  - id: board-b")
    fleet.write_text(f"{before}  - id: board-b{after.replace('link_rate: 60M', 'link_rate: 1M')}")
    plan = fixed_plan([replica("p", "prefill", [stage("board-a", 0, 17), stage("board-b", 17, 30)]),
                       replica("d", "decode", [stage("laptop", 0, 30)], 8000)])
    # What still runs at the end would run for half a minute, as it should.
    cluster = SwappedCluster(options, folder, "clusterer", "clusterer.py", ["gateway.drain_s=1"], fleet=fleet)
    cluster.environment["E2LLM_CLUSTERER_PLAN_FILE"] = write_plan(folder, plan)
    yield cluster
    cluster.complete(2)
    pid = min(cluster.find("prefill-worker", "worker.device=board-b"))
    answers = []

    def ask(number):
        try:
            answers.append(cluster.complete(2, prompt=f"word{number} " * 200)["usage"]["prompt_tokens"])
        except OSError:
            pass  # The fleet ends before the last ones are answered.
    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(12)]
    for thread in threads:
        thread.start()
    most = 0

    def look():
        nonlocal most
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        most = max(most, int(status.split("VmRSS:")[1].split()[0]) // 1024)
        return len(answers) >= 4
    wait_for("some prompts have come through", 90, look)
    assert most < 128, f"the stage behind a slow link takes {most} MB"


def check_partitioner(options, folder):
    cluster = SwappedCluster(options, folder, "partitioner", "partitioner.py", ["clusterer.algorithm=genetic"])
    yield cluster
    for service in ["partitioner", "clusterer"]:
        assert not (found := broken_rules(cluster, service, endpoints(cluster)[ROUTERS[service]])), (service, found)
    assert "genetic" in cluster.json("plan", "--port", str(cluster.port))["plan"]["algorithm"]
    assert cluster.complete()["choices"][0]["text"] == reference(options)


def check_decoder_worker(options, folder):
    """Every token is nonsense, but there are as many as were asked for; cancelled requests free everything, a worker that is
    asked to stop lets go of its requests, and the fleet stays healthy."""
    cluster = SwappedCluster(options, folder, "decoder-worker", "decoder_worker.py")
    yield cluster
    decoders = [worker["endpoint"] for device in cluster.json("nodes", "--port", str(cluster.port))["devices"]
                for worker in device["workers"] if worker["kind"] == "decode"]
    assert not (found := broken_rules(cluster, "worker", decoders[0])), found
    for tokens in [1, 2, 24, 60]:
        answer = cluster.complete(tokens, ignore_eos=True)
        assert answer["usage"]["completion_tokens"] == tokens, answer["usage"]
        assert answer["choices"][0]["finish_reason"] == "length"
    results = []
    threads = [threading.Thread(target=lambda: results.append(
        cluster.complete(120, ignore_eos=True)["usage"]["completion_tokens"])) for _ in range(6)]
    for thread in threads:
        thread.start()
    # A client that goes away in the middle.
    body = json.dumps({"prompt": PROMPT, "max_tokens": 2000, "stream": True}).encode()
    request = urllib.request.Request(f"{cluster.url}/v1/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as stream:
        for _ in range(5):
            stream.readline()
    for thread in threads:
        thread.join()
    assert results == [120] * 6, results

    def state():
        with urllib.request.urlopen(f"{cluster.url}/v1/cluster", timeout=5) as answer:
            return json.load(answer)["scheduler"]
    wait_for("everything is freed", 20, lambda: state()["running"] == 0 and all(
        replica["kv_reserved_tokens"] == 0 for replica in state()["replicas"]))
    long = []
    thread = threading.Thread(target=lambda: long.append(cluster.complete(400, ignore_eos=True)["usage"]["completion_tokens"]))
    thread.start()
    wait_for("it runs", 20, lambda: state()["running"] == 1)

    def workers():
        return {pid for pid, (_, line) in cluster.descendants().items() if "decoder_worker.py" in line}
    victims = workers()
    for pid in victims:
        os.kill(pid, signal.SIGTERM)
    wait_for("all have ended", 20, lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in victims))
    wait_for("others take their places", 20, lambda: len(workers() - victims) == len(victims))
    wait_for("the fleet serves again", 60, cluster.healthy)
    wait_for("the request goes on", 60, lambda: not thread.is_alive())
    assert long == [400], long
    assert cluster.complete(8, ignore_eos=True)["usage"]["completion_tokens"] == 8


def main():
    parser = argparse.ArgumentParser()
    for name in ["binaries", "model", "fleet"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    passed = failed = 0
    for name, check in [(name, check) for name, check in globals().items() if name.startswith("check_") and options.only in name]:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="e2llm-swap-") as folder:
            steps = check(options, folder)
            cluster = next(steps)
            try:
                cluster.start()
                for _ in steps:
                    pass
                begin = time.monotonic()
                cluster.stop()
                assert time.monotonic() - begin < 15, "the stand-in does not end when it is asked to"
                passed += 1
                print(f"passed {name} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED {name}\n{traceback.format_exc()}\n{cluster.logs()}", flush=True)
            finally:
                if hasattr(cluster, "process") and cluster.process.poll() is None:
                    cluster.process.terminate()
                    cluster.process.wait(timeout=40)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
