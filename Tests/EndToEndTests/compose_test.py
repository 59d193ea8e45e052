"""A fleet in containers, for real: built, brought up, asked, scaled both ways under load, every service restarted,
looked at from outside, taken down. Finds a Docker engine or starts one of its own, and leaves nothing behind.
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
import threading
import time
import traceback
import urllib.error
import urllib.request

from cluster import free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ["profiler", "partitioner", "clusterer", "scheduler", "gateway"]
# Set where this runs in a network namespace of its own.
OWN_NETWORK = "E2LLM_TEST_OWN_NETWORK"


class Engine:
    """A Docker engine: the one that answers, or one that is started here and ended with everything in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = None
        self.environment = dict(os.environ)

    def docker(self, *arguments, seconds=60, check=True, text=None):
        return subprocess.run(
            ["timeout", str(seconds), "docker", *arguments], capture_output=True, text=True, check=check, input=text,
            env=self.environment, timeout=seconds + 10)

    def answers(self):
        return self.docker("info", seconds=10, check=False).returncode == 0

    def start(self):
        """Why there is no engine; nothing where there is one. One of its own runs in a network namespace, which takes its bridges
        and rules with it."""
        if self.answers():
            return None
        if os.geteuid() != 0 or not shutil.which("dockerd"):
            return "no Docker engine answers, and none can be started (root and dockerd are needed)"
        if OWN_NETWORK not in os.environ:
            if subprocess.run(["unshare", "--net", "true"], timeout=10, check=False).returncode != 0:
                return "no Docker engine answers, and one of its own needs a network namespace, which this system does not allow"
            try:
                base_archive()
            except (subprocess.SubprocessError, OSError) as error:
                return f"no base image can be made: {error}"
            os.environ[OWN_NETWORK] = "1"
            # What follows is another program, which makes a folder of its own.
            shutil.rmtree(self.folder)
            within = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
            os.execvp("unshare", ["unshare", "--net", "--", *within])
        socket = self.folder / "docker.sock"
        self.environment["DOCKER_HOST"] = f"unix://{socket}"
        log = open(self.folder / "dockerd.log", "w")
        self.process = subprocess.Popen(
            ["dockerd", "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec"), "--pidfile",
             str(self.folder / "dockerd.pid"), "--host", f"unix://{socket}"],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_for("dockerd answers", 40, lambda: self.process.poll() is not None or self.answers())
        except AssertionError:
            pass
        if not self.answers():
            tail = (self.folder / "dockerd.log").read_text().splitlines()[-5:]
            self.stop()
            return "dockerd does not start here: " + " | ".join(tail)
        return None

    def stop(self):
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
        for mount in reversed([line.split()[1] for line in open("/proc/mounts") if str(self.folder) in line]):
            subprocess.run(["umount", "-l", mount], check=False, timeout=20)


def base_archive():
    """A small Debian system with Python, made of its packages once."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "e2llm"
    archive = cache / "debian-bookworm-python.tar"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                ["timeout", "400", "debootstrap", "--variant=minbase", "--include=python3-cffi-backend,python3-zmq",
                 "bookworm", folder],
                check=True, timeout=410, stdout=subprocess.DEVNULL)
            subprocess.run(["tar", "-C", folder, "-cf", f"{archive}.part", "."], check=True, timeout=120)
            os.replace(f"{archive}.part", archive)
    return archive


def base_image(engine):
    """An image that programs of this machine run in: Debian's, or one that is made of its packages."""
    wanted = "debian:bookworm-slim"
    if OWN_NETWORK not in os.environ:
        if engine.docker("image", "inspect", wanted, check=False).returncode == 0:
            return wanted
        if engine.docker("pull", "--quiet", wanted, seconds=60, check=False).returncode == 0:
            return wanted
    engine.docker("import", str(base_archive()), "e2llm-base", seconds=120)
    return "e2llm-base"


class Fleet:
    def __init__(self, options, engine, folder, compose, project):
        self.options, self.engine, self.compose, self.project = options, engine, compose, project
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.e2llm = str(pathlib.Path(options.binaries) / "e2llm")
        model = pathlib.Path(options.model).resolve()
        self.files = ["-f", str(ROOT / "compose/compose.yaml")]
        self.environment = {
            **engine.environment, "COMPOSE_PROJECT_NAME": project, "E2LLM_IMAGE": "e2llm-test", "E2LLM_MODELS": str(model.parent),
            "E2LLM_MODEL": model.name, "E2LLM_PORT": str(self.port), "E2LLM_KEYS": str(self.folder / "keys")}

    def run(self, *arguments, seconds=120, check=True):
        result = subprocess.run(
            ["timeout", str(seconds), *self.compose, *self.files, *arguments], check=False, capture_output=True,
            text=True, env=self.environment, timeout=seconds + 10)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: {result.stderr[-1500:]}")
        return result

    def up(self, **scale):
        counts = {"board": 2, "laptop": 1, "desktop": 1, **scale}
        self.run("up", "-d", *[part for name, count in counts.items() for part in ("--scale", f"{name}={count}")], seconds=180)

    def containers(self):
        ids = self.engine.docker("ps", "-q", "--filter", f"label=com.docker.compose.project={self.project}").stdout.split()
        return json.loads(self.engine.docker("inspect", *ids).stdout) if ids else []

    def post(self, path, body, seconds=90):
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return json.load(answer)

    def healthy(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def broken(self):
        """Fails where a container keeps ending."""
        ended = [container["Name"] for container in self.containers() if container["RestartCount"] > 5]
        assert not ended, f"{ended} keep ending"

    def devices(self):
        with urllib.request.urlopen(f"{self.url}/v1/cluster", timeout=5) as answer:
            fleet = json.load(answer)["fleet"] or {"devices": []}
        return [device["id"] for device in fleet["devices"] if device["state"] == "ready"]

    def down(self):
        self.run("down", "-v", "--timeout", "20", seconds=180)


PROMPT = "The capital of France is"


def complete(fleet, tokens=24):
    return fleet.post("/v1/completions", {"prompt": PROMPT, "max_tokens": tokens, "temperature": 0})["choices"][0]["text"]


class Load:
    """Chats from the openai client, one after the other from each of three threads."""

    def __init__(self, fleet):
        self.fleet, self.failures, self.answers, self.stopped = fleet, [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.chat, args=(index,)) for index in range(3)]
        for thread in self.threads:
            thread.start()

    def chat(self, index):
        import openai
        client = openai.OpenAI(base_url=f"{self.fleet.url}/v1", api_key="none", max_retries=0, timeout=120)
        model = client.models.list().data[0].id
        while not self.stopped.is_set():
            try:
                answer = client.chat.completions.create(
                    model=model, temperature=0, max_tokens=24, messages=[{"role": "user", "content": f"Count to {index + 5}."}])
                assert answer.choices[0].message.content
                self.answers += 1
            except Exception as error:
                self.failures.append(repr(error))
                self.stopped.wait(0.5)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures[:5]
        return self.answers


def look_from_outside(fleet):
    published = []
    for container in fleet.containers():
        name, host = container["Name"], container["HostConfig"]
        assert container["Config"]["User"] == "10001:10001", name
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        published += [binding for bindings in (host["PortBindings"] or {}).values() for binding in bindings or []]
        status = pathlib.Path(f"/proc/{container['State']['Pid']}/status").read_text() if fleet.engine.process else ""
        if status:
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert fields["Uid"].split()[0] == "10001" and int(fields["CapEff"], 16) == 0 and fields["NoNewPrivs"] == "1", name
    assert published == [{"HostIp": "127.0.0.1", "HostPort": str(fleet.port)}], published


def check(fleet, options):
    subprocess.run([fleet.e2llm, "keys", "create", str(fleet.folder / "keys"), "--uid", "10001"], check=True, timeout=20,
                   capture_output=True)
    fleet.folder.chmod(0o755)
    (fleet.folder / "keys").chmod(0o755)
    fleet.up()
    wait_for("the fleet serves", 120, lambda: fleet.healthy() or fleet.broken())
    with urllib.request.urlopen(f"{fleet.url}/v1/cluster", timeout=5) as text:
        kv_type = json.load(text)["scheduler"]["plan"].get("kv_type", "f16")
    reference = json.loads(subprocess.run(
        [fleet.e2llm, "generate", "--model", options.model, "--prompt", PROMPT, "--max-tokens", "24", "--kv-type", kv_type,
         "--json"], capture_output=True, text=True, check=True, timeout=120).stdout)["text"]
    assert complete(fleet) == reference
    answer = fleet.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8})["e2llm"]
    assert answer["prefill_replica"] != answer["decode_replica"], answer
    with urllib.request.urlopen(f"{fleet.url}/v1/cluster", timeout=5) as text:
        plan = json.load(text)["scheduler"]["plan"]
    assert {"prefill", "decode"} <= {replica["role"] for replica in plan["replicas"]}, plan["replicas"]
    assert max(len(replica["stages"]) for replica in plan["replicas"]) >= 2
    print("passed: a chat is prefilled and decoded by different replicas, one of several stages", flush=True)
    look_from_outside(fleet)
    print("passed: only the gateway is published, on loopback; containers may do nothing that they need not", flush=True)
    wait_for("every container is healthy", 90, lambda: all(
        container["State"].get("Health", {}).get("Status") == "healthy" for container in fleet.containers()))
    print("passed: every container says that it is healthy", flush=True)

    load = Load(fleet)
    try:
        fleet.up(laptop=2)
        wait_for("the further device is ready", 90, lambda: len(fleet.devices()) == 5)
        time_to_serve = load.answers
        wait_for("chats go on", 60, lambda: load.answers > time_to_serve + 5)
        fleet.up()
        wait_for("it is gone", 60, lambda: len(fleet.devices()) == 4)
        time_to_serve = load.answers
        wait_for("chats go on", 60, lambda: load.answers > time_to_serve + 5)
    finally:
        answers = load.stop()
    print(f"passed: scaled up and down during {answers} chats, none failed", flush=True)

    for service in [*SERVICES, "laptop"]:
        fleet.run("restart", "-t", "15", service)
        wait_for(f"the fleet serves after {service}", 90, fleet.healthy)
        assert wait_for("an answer", 60, lambda: attempt(fleet)) == reference, service
    print("passed: every service was restarted", flush=True)
    swap(fleet, reference)


def attempt(fleet):
    try:
        return complete(fleet)
    except (OSError, KeyError):
        return None


def swap(fleet, reference):
    """The clusterer is another implementation, by one override file."""
    if OWN_NETWORK not in os.environ:
        fleet.engine.docker(
            "build", "--quiet", "-f", str(ROOT / "compose/Dockerfile.python"), "--build-arg", "BASE=e2llm-test",
            "-t", "e2llm-test", str(ROOT / "compose"), seconds=300)
    fleet.environment["E2LLM_SWAP_IMAGE"] = "e2llm-test"
    fleet.files += ["-f", str(ROOT / "compose/swap-clusterer.yaml")]
    fleet.up()
    wait_for("the fleet serves with the other clusterer", 120, fleet.healthy)
    assert wait_for("an answer", 60, lambda: attempt(fleet)) == reference
    print("passed: the clusterer is another program", flush=True)


def composes():
    """Commands of every version of Compose that is here."""
    found = []
    if shutil.which("docker-compose"):
        found.append(["docker-compose"])
    python = pathlib.Path(sys.executable).parent / "docker-compose"
    if python.exists():
        found.append([str(python)])
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    failed = passed = 0
    # A request to stop takes everything down, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="e2llm-compose-", dir="/var/tmp") as folder:
        engine = Engine(folder)
        if problem := engine.start():
            print(f"SKIPPED: {problem}", flush=True)
            return
        try:
            base = base_image(engine)
            made = subprocess.run(
                [str(ROOT / "scripts/compose-image"), "e2llm-test"], check=False, capture_output=True, text=True,
                timeout=900, env={**engine.environment, "E2LLM_BASE_IMAGE": base})
            assert made.returncode == 0, made.stderr[-2000:]
            for number, compose in enumerate(composes()):
                version = subprocess.run(
                    [*compose, "version", "--short"], check=False, capture_output=True, text=True, timeout=30).stdout.strip()
                print(f"Compose {version}", flush=True)
                keys = pathlib.Path(folder) / f"fleet-{number}"
                keys.mkdir()
                fleet = Fleet(options, engine, keys, compose, f"e2llm-test-{os.getpid()}-{number}")
                started = time.monotonic()
                try:
                    check(fleet, options)
                    passed += 1
                except Exception:
                    failed += 1
                    traceback.print_exc()
                    print(fleet.run("logs", "--tail", "15", check=False).stdout[-12000:])
                    print(fleet.run("ps", check=False).stdout)
                finally:
                    try:
                        fleet.down()
                        assert not fleet.containers()
                    except Exception:
                        failed += 1
                        traceback.print_exc()
                print(f"Compose {version}: {time.monotonic() - started:.0f} s", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
        finally:
            engine.docker("image", "rm", "--force", "e2llm-test", "e2llm-base", check=False)
            engine.stop()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
