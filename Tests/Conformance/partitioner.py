#!/usr/bin/env python3
"""A partitioner in place of ours: cuts the layers over the devices of a query, in the order given, by dynamic programming
over the largest time of a stage; memory bounds every stage.
"""
from e2llm_wire import Service, WireError


def interpolate(samples, key, wanted, value):
    """The measured time at the nearest points, in proportion beyond and between them."""
    points = sorted((sample[key], sample[value]) for sample in samples)
    if not points:
        raise WireError("malformed", "a device has no measurements")
    below = [point for point in points if point[0] <= wanted] or points[:1]
    above = [point for point in points if point[0] >= wanted] or points[-1:]
    (x0, y0), (x1, y1) = below[-1], above[0]
    return y0 if x1 == x0 else y0 + (y1 - y0) * (wanted - x0) / (x1 - x0)


def weight_bytes(model, start, end):
    return ((end - start) * model["bytes_per_layer"] + (model["bytes_embedding"] if start == 0 else 0)
            + (model["bytes_lm_head"] if end == model["layers"] else 0))


def seconds(device, query, layers, with_head):
    measured = device["measurements"]
    if query["phase"] == "prefill":
        each, rows = interpolate(measured["prefill"], "tokens", query["prompt_tokens"], "seconds_per_layer"), 1
    else:
        nearest = min(abs(sample["context"] - query["context_tokens"]) for sample in measured["decode"])
        samples = [sample for sample in measured["decode"] if abs(sample["context"] - query["context_tokens"]) == nearest]
        each, rows = interpolate(samples, "batch", query["batch"], "seconds_per_layer"), query["batch"]
    return layers * each + (interpolate(measured["head"], "rows", rows, "seconds") if with_head and measured["head"] else 0)


def solve(model, devices, query):
    layers = model["layers"]
    names = query["devices"]
    group = [devices[name] for name in names]
    kv = query["kv_tokens"] * model["kv_bytes_per_token_per_layer"]
    best = {0: (0.0, [])}
    for index, device in enumerate(group):
        following = {}
        left = len(group) - index - 1
        for start, (worst, stages) in best.items():
            for end in range(start + 1, layers - left + 1):
                if left == 0 and end != layers:
                    continue
                if weight_bytes(model, start, end) + (end - start) * kv > device["memory_usable_bytes"]:
                    break
                time = seconds(device, query, end - start, end == layers)
                worst_now = max(worst, time)
                if end not in following or worst_now < following[end][0]:
                    following[end] = (worst_now, stages + [(names[index], start, end, time)])
        best = following
    if layers not in best:
        need = weight_bytes(model, 0, layers) + layers * kv
        missing = max(1, need - sum(device["memory_usable_bytes"] for device in group))
        return {"id": query["id"], "stages": [], "cycle_s": 0, "latency_s": 0, "feasible": False,
                "reason": "the group lacks memory", "missing_bytes": missing}
    worst, stages = best[layers]
    field = "predicted_prefill_s" if query["phase"] == "prefill" else "predicted_decode_s"
    return {
        "id": query["id"], "feasible": True, "cycle_s": worst, "latency_s": sum(stage[3] for stage in stages),
        "stages": [{"device": name, "layers": {"start": start, "end": end}, field: time} for name, start, end, time in stages]}


def check(body):
    model = body["model"]
    if not 0 < model["layers"] <= 4096 or min(model["bytes_per_layer"], model["kv_bytes_per_token_per_layer"]) < 0:
        raise WireError("malformed", "partition.solve: the model's figures are out of range")
    devices = {device["id"]: device for device in body["devices"]}
    for query in body["queries"]:
        if query["phase"] not in ("prefill", "decode") or not query["devices"]:
            raise WireError("malformed", "partition.solve: a query names no phase or no device")
        if min(query["prompt_tokens"], query["batch"], query["context_tokens"], query["kv_tokens"]) < 0:
            raise WireError("malformed", "partition.solve: a query has a negative count")
        for name in query["devices"]:
            if name not in devices:
                raise WireError("unknown_device", f"partition.solve: no device {name} in the message")
    return model, devices


def main():
    service = Service("partitioner", {"partitioner.parallel": "1", "partitioner.queue": "32", "partitioner.solve_s": "30"})

    def handle(message):
        if message.type != "partition.solve":
            raise WireError("unknown_type", f"this socket does not know {message.type}")
        model, devices = check(message.body)
        answers = [solve(model, devices, query) for query in message.body["queries"]]
        service.reply(socket, message, "partition.solution", {"answers": answers})

    socket = service.server(service.settings.bind("partition"), handle)
    service.log(f"answers at {socket.last_endpoint.decode()}")
    service.run()


if __name__ == "__main__":
    main()
