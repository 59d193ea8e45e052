"""Pictures of fleets as the gateway tells them to its page, made up: sizes, and names that attack."""

import math
import random

ATTACKS = [
    "<img src=x onerror=window.attacked=1>",
    "<script>window.attacked=1</script>",
    "javascript:window.attacked=1",
    "<svg onload=window.attacked=1><circle/></svg>",
    "__proto__",
    "constructor",
    '"><iframe srcdoc="<script>parent.attacked=1</script>">',
    "very-long-" + "x" * 4000,
]


def fleet(count, names=None, seconds=240):
    """The picture of a fleet of so many devices that has served for a while."""
    draw = random.Random(count)
    names = names or [f"{draw.choice(['pi5', 'nano', 'laptop', 'desk', 'nuc'])}-{index + 1:02d}" for index in range(count)]
    replicas, loads, devices = [], {}, {}
    for name, kind, members in grouped(names):
        stages, stage_loads = [], []
        for index, device in enumerate(members):
            layers = {"start": 30 * index // len(members), "end": 30 * (index + 1) // len(members)}
            predicted = 0.004 + 0.02 * (layers["end"] - layers["start"]) / 30
            stage = {"device": device, "layers": layers}
            if kind != "decode":
                stage["predicted_prefill_s"] = predicted * 40
            if kind != "prefill":
                stage["predicted_decode_s"] = predicted
            stages.append(stage)
            counters = {
                "prefill_tokens": 0 if kind == "decode" else 90000,
                "prefill_s": predicted * 40 / 256 * 90000 * draw.uniform(0.9, 1.2),
                "decode_steps": 0 if kind == "prefill" else 5000,
                "decode_rows": 14000,
                "decode_s": 5000 * predicted * draw.uniform(0.9, 1.5),
                "kv_transfer_bytes": 7 << 26 if kind == "prefill" else 0,
            }
            status = {
                "device": device,
                "worker": "prefill" if kind == "prefill" else "decode",
                "waiting": 1,
                "running": 3,
                "kv_used_tokens": 900,
                "resident_bytes": draw.randint(90 << 20, 900 << 20),
                "counters": counters,
            }
            stage_loads.append({"device": device, "alive": draw.random() > 0.02, "status": status})
        replicas.append(
            {
                "id": name,
                "role": kind,
                "stages": stages,
                "decode_concurrency": 0 if kind == "prefill" else 4,
                "kv_capacity_tokens": 8192,
                "predicted_requests_per_s": draw.uniform(1, 4),
                "predicted_token_gap_s": 0 if kind == "prefill" else 0.031,
            }
        )
        loads[name] = {
            "replica": name,
            "requests": draw.randint(0, 5),
            "kv_reserved_tokens": draw.randint(500, 6000),
            "kv_capacity_tokens": 8192,
            "backlog_s": 0.2,
            "state": "serving",
            "stages": {str(index): load for index, load in enumerate(stage_loads)},
        }
    for index, name in enumerate(names):
        devices[name] = {
            "host": f"host-{index % 5}",
            "threads": draw.choice([1, 2, 4, 8]),
            "compute_share": 1,
            "memory_usable_bytes": draw.choice([1, 2, 4, 8]) << 30,
            "state": "lost" if count > 20 and index == 7 else "ready",
            "workers": {"prefill": True, "decode": True},
        }
    links = {f"{a}>{b}": [a, b, draw.uniform(0.0002, 0.006), draw.uniform(2e6, 1.2e8)] for a in names for b in names if a != b}
    now = 5000.0
    used = {stage["device"] for replica in replicas for stage in replica["stages"]}
    traffic = {
        "requests_per_s": 1.5,
        "mean_prompt_tokens": 256,
        "mean_output_tokens": 128,
        "arrival_variation": 1,
        "sample_count": 212,
    }
    return {
        "gateway": {"version": "1.0", "model": "SmolLM2-135M-Instruct.Q4_1", "trained_context": 8192, "max_requests": 256},
        "status": {"now_s": now, "wall_ms": 1795861432000, "ready": True, "epoch": 12},
        "scheduler": {
            "ready": True,
            "reason": "serving",
            "waiting": 1,
            "running": 4,
            "context_tokens": 8192,
            "workload": dict(traffic, requests_per_s=1.8),
        },
        "plan": {
            "id": "plan-7f3a",
            "model": "ab12",
            "fleet_version": 7,
            "workload": traffic,
            "replicas": replicas,
            "idle_devices": [name for name in names if name not in used],
            "predicted_requests_per_s": 3.4,
            "objective": 0.5,
            "algorithm": "default seed 7",
            "relaxations": [],
            "upper_bound_requests_per_s": 3.9,
            "kv_type": "q8_0",
        },
        "loads": loads,
        "model": {"name": "SmolLM2", "layers": 30},
        "devices": devices,
        "links": links,
        "requests": requests(replicas, now, draw),
        "series": {str(int(now) - seconds + index): point(index) for index in range(seconds)},
        "log": {
            "0": [4700.2, "info", "device", f"{names[0]} joined (registered)"],
            "1": [4702.9, "info", "device", f"{names[0]} is ready"],
            "2": [4703.4, "info", "plan", f"plan plan-7f3a: mixed mixed-0 ({names[0]} 0..<30)"],
            "3": [4703.9, "info", "service", "requests are served"],
            "4": [4911.0, "warning", "worker", f"the decode worker of {names[-1]} is silent"],
            "5": [4914.6, "error", "device", f"{names[-1]} is lost"],
        },
    }


def grouped(names):
    """Replicas of a fleet: name, role, devices; one eighth of a large fleet is left over."""
    if len(names) <= 2:
        return [("mixed-0", "mixed", names)]
    if len(names) <= 8:
        return [("prefill-0", "prefill", names[:3]), ("decode-0", "decode", names[3:7])]
    result, at = [], 0
    for index, size in enumerate([6, 5, 4, 9, 8, 7, 6, 5, 4, 2]):
        kind = "prefill" if index < 3 else "decode" if index < 7 else "mixed"
        result.append((f"{kind}-{index}", kind, names[at : at + size]))
        at += size
    return result


def point(index):
    """One second of load."""
    wave = 0.5 + 0.5 * math.sin(index / 17)
    return [
        round(4 * wave),
        round(2 * wave * wave),
        round(60 * wave + 8 * math.sin(index / 3) + 8, 2),
        round(180 * (1 - wave), 2),
        round(0.2 + 0.5 * wave, 4),
    ]


def requests(replicas, now, draw):
    """Requests in every state."""
    result = {}
    prefill = next((replica["id"] for replica in replicas if replica["role"] != "decode"), "")
    decode = next((replica["id"] for replica in replicas if replica["role"] != "prefill"), "")
    for index in range(14):
        length = draw.uniform(1.2, 7)
        course = {
            "state": "stop" if index > 4 else "running",
            "opened_s": now - 2 - index * 4 if index > 4 else now - length,
            "prompt": draw.randint(30, 900),
            "output": draw.randint(20, 300),
            "queue_ms": draw.uniform(1, 200),
            "accepted_ms": 210,
            "prefill_ms": draw.uniform(211, 400),
            "first_ms": draw.uniform(500, 900),
            "prefill_replica": prefill,
            "decode_replica": decode,
            "plan": "plan-7f3a",
            "migrations": 0,
            "preemptions": 0,
            "last_ms": length * 1000 - 20,
        }
        course["kv_ms"] = course["first_ms"] + draw.uniform(10, 200)
        if index > 4:
            course["end_ms"] = length * 1000
        if index == 0:
            for name in ["accepted_ms", "prefill_ms", "first_ms", "kv_ms", "last_ms"]:
                del course[name]
            course["state"], course["output"] = "waiting", 0
        if index == 8:
            course["state"], course["problem"] = "error", "a worker could not go on"
        result[f"{draw.getrandbits(96):024x}-0"] = course
    return result


def steps(picture, count=24):
    """A report of steps of a second: every replica's stages one after the other, several micro-batches at once."""
    names, told, sent = [], [], []

    def place(name):
        if name not in names:
            names.append(name)
        return names.index(name)

    for replica in picture["plan"]["replicas"]:
        time = 1000000 // count
        depth = len(replica["stages"])
        for number in range(count):
            for index, stage in enumerate(replica["stages"]):
                at = -1000000 + number * time + index * time // max(1, depth - 1 or 1)
                took = int(time * (0.55 + 0.3 * math.sin(index)))
                decode = 0 if replica["role"] == "prefill" or number % 8 == 3 else 1
                told.append([place(replica["id"]), index, number, place(stage["device"]), at, took, 4, 4, decode])
                if replica["role"] == "prefill" and number % 3 == 0:
                    sent.append([place(replica["id"]), index, place(stage["device"]), at + took, 1 << 18, 1])
    return {"now_us": 1795861432000000, "steps": told, "transfers": sent, "silent": [], "names": names}
