"""What the processes of a fleet hold and use, and what the services say of sequences and KV cache; for soak.py."""
import json
import os
import pathlib
import re
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def name_of(command, line):
    """A name that stays when a process is started again: the executable, and its device where it has one."""
    device = re.search(r"worker\.device=(\S+)|--id (\S+)", line)
    return f"{command} {device[1] or device[2]}" if device else command


def processes(cluster):
    """All processes below `up`, and itself: pid -> name."""
    found = {pid: name_of(command, line) for pid, (command, line) in cluster.descendants().items()}
    return {cluster.process.pid: "e2llm up", **found}


def seconds_of_processor(pid):
    """Seconds that a process has computed. The sum over its threads counts nanoseconds where /proc/PID/stat counts ticks of ten
    milliseconds; a thread that has ended is missing in it, so that the larger one of both is the right one."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = (int(fields[11]) + int(fields[12])) / TICKS
    threads = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            threads += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return max(ticks, threads / 1e9)


def wakes(pid):
    """How often the threads of a process have slept until something happened."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text())[1])
        except OSError:
            continue
    return total


def held_by(pid):
    """Memory in bytes, file descriptors and threads of a process."""
    memory = {key: int(value) * 1024 for key, value in re.findall(
        r"^(\w+):\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)}
    return {
        "rss": memory["Rss"], "pss": memory["Pss"], "uss": memory["Private_Clean"] + memory["Private_Dirty"],
        # Pages of the model file come and go as the system pleases, and count in the others; these only come.
        "anonymous": memory["Anonymous"],
        "descriptors": len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())),
        "threads": len(list(pathlib.Path(f"/proc/{pid}/task").iterdir())),
    }


def held(cluster):
    """Process -> what it holds. Two of one name would be one that was not ended, and are told apart."""
    figures = {}
    for pid, name in sorted(processes(cluster).items()):
        key = name if name not in figures else f"{name} (second)"
        figures[key] = {"pid": pid, **held_by(pid)}
    return figures


def fetch(cluster, path):
    with urllib.request.urlopen(f"{cluster.url}{path}", timeout=20) as answer:
        return answer.read().decode()


def in_use(cluster):
    """Sequences and KV tokens as gateway, scheduler and workers count them: name -> number, all zero in a fleet at rest."""
    metrics = fetch(cluster, "/metrics")

    def gateway(name):
        return int(float(re.search(rf"^{re.escape(name)}{{[^}}]*}} (\S+)", metrics, re.MULTILINE)[1]))
    state = json.loads(fetch(cluster, "/v1/cluster"))["scheduler"]
    own = cluster.e2llm("metrics", "--service", "gateway", "--port", str(cluster.port)).stdout
    figures = {
        "gateway: running": gateway("vllm:num_requests_running"), "gateway: waiting": gateway("vllm:num_requests_waiting"),
        "gateway: open": int(float(re.search(r"^e2llm_gateway_requests_open (\S+)", own, re.MULTILINE)[1])),
        "scheduler: running": state["running"], "scheduler: waiting": state["waiting"],
    }
    for replica in state["replicas"]:
        figures[f"{replica['replica']}: KV tokens reserved"] = replica["kv_reserved_tokens"]
        figures[f"{replica['replica']}: requests"] = replica["requests"]
        for stage in replica["stages"]:
            load = stage.get("status") or {}
            for key in ("kv_used_tokens", "running", "waiting"):
                figures[f"{replica['replica']} on {stage['device']}: {key}"] = load.get(key, 0)
    return figures


def plan_of(cluster):
    """What the memory of workers depends on: the plan in force and the layers of each device in it."""
    state = json.loads(fetch(cluster, "/v1/cluster"))["scheduler"]
    replicas = (state["plan"] or {}).get("replicas", [])
    return [(replica["id"], stage["device"], stage["layers"]["start"], stage["layers"]["end"])
            for replica in replicas for stage in replica["stages"]]
