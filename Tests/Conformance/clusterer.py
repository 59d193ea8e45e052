#!/usr/bin/env python3
"""A clusterer in place of ours: greedy, or a plan from a file.

Devices that can hold the whole model become replicas of their own, the others are put together in order of their memory
until they can. With two replicas or more, the one that prefills fastest becomes PREFILL and the others DECODE; a single one
is mixed. With `E2LLM_CLUSTERER_PLAN_FILE` (or `--set clusterer.plan_file=`) every answer is the plan of that file, which is
what experiments want.
"""
import json
import secrets
import time

from e2llm_wire import Service, WireError
from partitioner import interpolate, weight_bytes

SPARE = 8 << 20


def usable(fleet, excluded):
    return [device for device in fleet["devices"]
            if device["state"] == "ready" and device["id"] not in excluded and device.get("measurements")
            and device["measurements"]["prefill"] and device["measurements"]["decode"]]


def groups(model, devices, context):
    """Groups of devices that hold the model together, and a sequence of `context` tokens."""
    kv = context * model["kv_bytes_per_token_per_layer"]

    def room(device):
        return device["memory_usable_bytes"] - SPARE

    whole = weight_bytes(model, 0, model["layers"]) + model["layers"] * kv
    alone = [[device] for device in devices if room(device) >= whole]
    rest = sorted((device for device in devices if room(device) < whole), key=room, reverse=True)
    found, open_group = alone, []
    for device in rest:
        if room(device) < model["bytes_per_layer"] + kv:
            continue
        open_group.append(device)
        if stages(model, open_group, kv):
            found.append(open_group)
            open_group = []
    return found


def stages(model, group, kv):
    """Layer ranges in proportion to memory; nothing where they do not fit."""
    each = model["bytes_per_layer"] + kv
    start, result = 0, []
    for index, device in enumerate(group):
        last = index == len(group) - 1
        free = device["memory_usable_bytes"] - SPARE - (model["bytes_embedding"] if index == 0 else 0)
        most = (free - (model["bytes_lm_head"] if last else 0)) // each
        wanted = model["layers"] - start if last else min(most, model["layers"] - start - (len(group) - index - 1))
        if wanted < 1 or wanted > most:
            return None
        result.append((device, start, start + wanted))
        start += wanted
    return result if start == model["layers"] else None


def replica(model, name, role, placed):
    decode = [interpolate(device["measurements"]["decode"], "batch", 4, "seconds_per_layer") * (end - start)
              for device, start, end in placed]
    prefill = [interpolate(device["measurements"]["prefill"], "tokens", 256, "seconds_per_layer") * (end - start)
               for device, start, end in placed]
    capacity = min((device["memory_usable_bytes"] - SPARE // 2 - weight_bytes(model, start, end))
                   // ((end - start) * model["kv_bytes_per_token_per_layer"]) for device, start, end in placed)
    fields = {"prefill": ["predicted_prefill_s"], "decode": ["predicted_decode_s"]}.get(
        role, ["predicted_prefill_s", "predicted_decode_s"])
    times = {"predicted_prefill_s": prefill, "predicted_decode_s": decode}
    return {
        "id": name, "role": role, "decode_concurrency": 0 if role == "prefill" else 4, "kv_capacity_tokens": int(capacity),
        "predicted_requests_per_s": 1 / max([*prefill, 128 * max(decode) / 4]),
        "predicted_token_gap_s": 0 if role == "prefill" else sum(decode),
        "stages": [{"device": device["id"], "layers": {"start": start, "end": end},
                    **{field: times[field][index] for field in fields}}
                   for index, (device, start, end) in enumerate(placed)]}


def plan(fleet, body):
    model = fleet.get("model")
    if not model:
        raise WireError("no_devices", "no device has registered", retriable=True)
    devices = usable(fleet, set(body.get("excluded_devices", [])))
    if not devices:
        raise WireError("no_devices", "no device is ready", retriable=True)
    context = body.get("context_tokens") or 1024
    found = groups(model, devices, context)
    if not found:
        need = weight_bytes(model, 0, model["layers"])
        have = sum(device["memory_usable_bytes"] for device in devices)
        raise WireError("model_does_not_fit", f"the model takes {need} bytes, the devices have {have}", retriable=True)
    kv = context * model["kv_bytes_per_token_per_layer"]
    placed = [group if isinstance(group[0], tuple) else stages(model, group, kv) for group in found]
    placed = [group for group in placed if group]
    order = sorted(range(len(placed)), key=lambda index: sum(
        interpolate(device["measurements"]["prefill"], "tokens", 256, "seconds_per_layer") * (end - start)
        for device, start, end in placed[index]))
    replicas = []
    for rank, index in enumerate(order):
        role = "mixed" if len(order) == 1 else "prefill" if rank == 0 else "decode"
        replicas.append(replica(model, f"{role}-{rank + 1}", role, placed[index]))
    used = {stage["device"] for entry in replicas for stage in entry["stages"]}
    rate = min(sum(entry["predicted_requests_per_s"] for entry in replicas if entry["role"] in roles)
               for roles in (("prefill", "mixed"), ("decode", "mixed")))
    return {
        "id": f"greedy-{secrets.token_hex(4)}", "model": model["digest"], "fleet_version": fleet["version"],
        "workload": body.get("workload") or {"requests_per_s": 1, "mean_prompt_tokens": 256, "mean_output_tokens": 128,
                                             "arrival_variation": 1, "sample_count": 0},
        "replicas": replicas, "idle_devices": sorted(device["id"] for device in fleet["devices"] if device["id"] not in used),
        "predicted_requests_per_s": rate, "objective": 1 / rate, "algorithm": "greedy", "relaxations": []}


def main():
    service = Service("clusterer", {
        "clusterer.plan_file": "", "clusterer.roles": "auto", "clusterer.seed": "1", "clusterer.algorithm": "default",
        "clusterer.search_s": "20", "clusterer.kv_types": ""})
    known = {}

    def fleet(message):
        known["fleet"] = message.body

    def handle(message):
        if message.type != "plan.request":
            raise WireError("unknown_type", f"this socket does not know {message.type}")
        if not isinstance(message.body.get("reason"), str):
            raise WireError("malformed", "plan.request: reason is missing")
        began = time.monotonic()
        if "fleet" not in known:
            raise WireError("no_devices", "no fleet has been published yet", retriable=True)
        if service.settings["clusterer.plan_file"]:
            with open(service.settings["clusterer.plan_file"]) as file:
                found = json.load(file)
            found["model"] = known["fleet"]["model"]["digest"]
            found["fleet_version"] = known["fleet"]["version"]
        else:
            found = plan(known["fleet"], message.body)
        proposal = {"plan": found, "reason": message.body["reason"], "search_s": time.monotonic() - began}
        service.log(f"plan {found['id']}: {[(entry['role'], len(entry['stages'])) for entry in found['replicas']]}")
        service.reply(socket, message, "plan.proposal", proposal)
        service.send(proposals, "plan.proposal", proposal)

    socket = service.server(service.settings.bind("plan"), handle)
    proposals = service.publisher(service.settings.bind("proposals"))
    import zmq
    service.client(service.settings["endpoints.fleet"], fleet, zmq.SUB, [b"fleet.snapshot"], role="profiler")
    service.log(f"answers at {socket.last_endpoint.decode()}")
    service.run()


if __name__ == "__main__":
    main()
