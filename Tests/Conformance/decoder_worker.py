#!/usr/bin/env python3
"""A decoder worker in place of ours: it computes nothing and emits nonsense, but keeps every promise of the protocol:
registration, measurements, stages, KV cache, steps through several stages, cancellation, leases, an orderly end.
"""
import socket as system
import time

import schemas
from e2llm_wire import Service, WireError

NONSENSE = [100, 200, 300, 400, 500]
BLOCK = 32
# Seconds without an answer after which a service counts as restarted.
PATIENCE = {"registry": 3, "control": 1}


class Stage:
    """A stage of a replica, and how it is driven where it is the first one."""

    def __init__(self, assignment, epoch, model, memory):
        self.assignment, self.epoch = assignment, epoch
        replica = next(entry for entry in assignment["plan"]["replicas"] if entry["id"] == assignment["replica"])
        self.replica, self.index, self.stages = replica["id"], assignment["stage"], replica["stages"]
        self.range = (self.stages[self.index]["layers"]["start"], self.stages[self.index]["layers"]["end"])
        count = self.range[1] - self.range[0]
        self.weights = (count * model["bytes_per_layer"] + (model["bytes_embedding"] if self.range[0] == 0 else 0)
                        + (model["bytes_lm_head"] if self.range[1] == model["layers"] else 0))
        room = (memory - self.weights) // (count * model["kv_bytes_per_token_per_layer"])
        self.capacity = max(0, room // BLOCK * BLOCK)
        self.first, self.last = self.index == 0, self.index == len(self.stages) - 1
        self.step, self.busy = 0, False


class Sequence:
    def __init__(self, request, stage, epoch, body, tokens):
        self.request, self.stage, self.epoch = request, stage, epoch
        self.route, self.stop = body["route"], body["stop"]
        self.reserved, self.generated, self.length = body["reserved_tokens"], body["generated_tokens"], len(tokens)
        self.waiting = set(range(len(stage.stages)))
        self.token, self.running, self.heard = None, False, time.monotonic()


class Worker:
    def __init__(self, arguments=None):
        self.service = service = Service("decoder-worker", {
            "worker.device": "", "worker.model": "", "worker.threads": "0", "worker.compute_share": "1",
            "worker.memory_limit": "", "worker.link_rate": "", "worker.link_latency_ms": "0", "worker.data_bind": "",
            "worker.data_announce": "", "worker.lease_s": "90", "worker.host": ""}, arguments)
        service.check = schemas.check
        settings = service.settings
        self.device = settings["worker.device"] or system.gethostname()
        units = {"K": 10, "M": 20, "G": 30}
        limit = settings["worker.memory_limit"] or "512M"
        self.memory = (int(float(limit[:-1]) * (1 << units[limit[-1]])) if limit[-1] in units else int(limit)) - (64 << 20)
        self.lease = float(settings["worker.lease_s"])
        self.data = service.server(settings["worker.data_bind"] or "tcp://127.0.0.1:*", self.on_data)
        self.endpoint = settings["worker.data_announce"] or service.announced(self.data)
        self.control = service.client(settings["endpoints.control"], self.on_control, role="scheduler")
        self.registry = service.client(settings["endpoints.registry"], self.on_registry, role="profiler")
        self.model = None
        self.identity = {
            "host": settings["worker.host"] or system.gethostname(), "fingerprint": f"stand-in|memory={self.memory}",
            "threads": 1, "compute_share": 1}
        self.stages, self.sequences, self.early = {}, {}, {}
        self.peers, self.closed, self.epoch = {}, {}, 0
        self.heartbeats = {"registry": None, "control": None}
        self.asked = {"registry": 0.0, "control": 0.0}
        # When each of them answered last.
        self.answered = {"registry": 0.0, "control": 0.0}
        self.leaving = None
        self.counters = {"prefill_tokens": 0, "prefill_s": 0.0, "decode_steps": 0, "decode_rows": 0, "decode_s": 0.0,
                         "kv_transfer_bytes": 0}
        self.measuring = None

    def peer(self, endpoint):
        if endpoint not in self.peers:
            self.peers[endpoint] = self.service.client(endpoint, self.on_reply)
        return self.peers[endpoint]

    def send(self, endpoint, type, body=None, tensors=(), **envelope):
        self.service.send(self.peer(endpoint), type, body, tensors=tensors, **envelope)

    def note_answer(self, name, message):
        """Only a service that does not know this worker is told of it again; another error says nothing about that."""
        if "reply_to" in message.envelope:
            self.answered[name] = time.monotonic()
        if message.type == "error" and message.body.get("code") == "unknown_worker":
            self.heartbeats[name] = None

    def is_due(self, name, now):
        """Whether it is time for a heartbeat, or for another introduction where there was no answer for a while."""
        if self.heartbeats[name] is not None and now - self.answered[name] > PATIENCE[name] + self.heartbeats[name]:
            self.service.log(f"no answer at {name}")
            self.heartbeats[name] = None
        if now - self.asked[name] < (self.heartbeats[name] or 1):
            return False
        self.asked[name] = now
        return True

    # The profiler: who this is, what it can do

    def on_registry(self, message):
        kind, service = message.type, self.service
        self.note_answer("registry", message)
        if kind == "fleet.snapshot":
            self.model = message.body.get("model") or self.model
            for device in message.body["devices"]:
                if device["id"] == self.device:
                    # Both workers of a device say the same about it.
                    self.identity = {name: device[name] for name in self.identity}
        elif kind == "device.registered":
            self.heartbeats["registry"] = message.body["heartbeat_ms"] / 1000
        elif kind == "error":
            service.log(f"the profiler reports: {message.body['message']}")
        elif kind == "profile.measure":
            decode = [{"batch": batch, "context": context, "seconds_per_layer": 2e-4 + 2e-5 * batch}
                      for batch in (1, 4, 8) for context in (64, 512)]
            head = [{"rows": rows, "seconds": 1e-3 * rows} for rows in (1, 4, 8)]
            service.reply(self.registry, message, "profile.result", {
                "prefill": [], "decode": decode, "head": head, "memory_usable_bytes": self.memory})
        elif kind == "link.measure":
            self.measure_link(message)
        elif "reply_to" not in message.envelope:
            raise WireError("unknown_type", f"this socket does not know {kind}")

    def measure_link(self, message):
        """Echoes, one after the other; each answer sends the next one."""
        body = message.body
        sizes = [0] + [0, body["payload_bytes"]] * body["repetitions"]
        self.measuring = {"message": message, "sizes": sizes, "times": [], "sent": 0.0}
        self.next_echo()

    def next_echo(self):
        state = self.measuring
        done = len(state["times"])
        if done < len(state["sizes"]):
            size = state["sizes"][done]
            state["sent"] = time.monotonic()
            self.send(state["message"].body["endpoint"], "link.echo", {
                "tensors": [{"name": "payload", "dtype": "u8", "shape": [size]}]}, [bytes(size)])
            return
        self.measuring = None
        empty, full = sorted(state["times"][1::2]), sorted(state["times"][2::2])
        latency, transfer = empty[len(empty) // 2], full[len(full) // 2]
        self.service.reply(self.registry, state["message"], "link.result", {"link": {
            "from": self.device, "to": state["message"].body["peer"], "latency_s": latency / 2,
            "bytes_per_s": state["message"].body["payload_bytes"] / max(transfer - latency, 1e-6)}})

    def on_reply(self, message):
        if message.type == "link.echoed" and self.measuring:
            self.measuring["times"].append(time.monotonic() - self.measuring["sent"])
            self.next_echo()

    # The scheduler: stages and requests

    def on_control(self, message):
        kind, service = message.type, self.service
        self.note_answer("control", message)
        if kind == "worker.welcome":
            self.heartbeats["control"] = message.body["heartbeat_ms"] / 1000
        elif kind == "error":
            service.log(f"the scheduler reports: {message.body['message']}")
        elif kind == "stage.prepare":
            self.prepare(message)
        elif kind == "stage.release":
            stage = self.stages.get(message.body["replica"])
            if stage and stage.epoch <= message.epoch:
                self.drop(stage, "its replica is given up")
                del self.stages[stage.replica]
            service.reply(self.control, message, "stage.released")
        elif kind == "request.start":
            self.start(message)
        elif kind == "request.cancel":
            sequence = self.sequences.get(message.request)
            if sequence and sequence.stage.first:
                self.finish(sequence, "abort")
        elif "reply_to" not in message.envelope:
            raise WireError("unknown_type", f"this socket does not know {kind}")

    def prepare(self, message):
        assignment, epoch = message.body["assignment"], message.epoch
        kept = assignment["plan"].get("kv_type", "f16")
        if kept != "f16":
            raise WireError("bad_plan", f"this worker keeps KV as f16, not as {kept}")
        held = self.stages.get(assignment["replica"])
        if held and held.epoch == epoch:
            held.assignment = assignment
        else:
            if epoch <= self.epoch:
                raise WireError("stale_epoch", f"epoch {epoch} is not newer than {self.epoch}")
            if self.model is None or assignment["plan"]["model"] != self.model["digest"]:
                raise WireError("wrong_model", "the plan is for another model")
            stage = Stage(assignment, epoch, self.model, self.memory)
            if stage.stages[stage.index]["device"] != self.device:
                raise WireError("bad_plan", f"stage {stage.index} is not for {self.device}")
            if held:
                self.drop(held, "its replica was formed anew")
                del self.stages[held.replica]
            others = sum(other.weights for other in self.stages.values())
            if stage.capacity < BLOCK:
                raise WireError("out_of_memory", f"layers {stage.range} do not fit {self.memory} bytes")
            if others + stage.weights > self.memory:
                raise WireError("no_room", f"layers {stage.range} do not fit beside {others} bytes", retriable=True)
            self.epoch = epoch
            self.stages[stage.replica] = held = stage
            self.service.log(f"serves layers {stage.range} of {stage.replica}, epoch {epoch}")
        self.service.reply(self.control, message, "stage.prepared", {
            "kv_capacity_tokens": held.capacity, "weight_bytes": held.weights, "kv_block_tokens": BLOCK})

    def report(self, request, kind, epoch, generated, **fields):
        self.service.send(self.control, "request.event", {"kind": kind, "generated_tokens": generated, **fields},
                          request=request, epoch=epoch)

    def fail(self, request, epoch, code, text, retriable=True, generated=0):
        self.report(request, "failed", epoch, generated, error={"code": code, "message": text, "retriable": retriable})

    def start(self, message):
        """A mixed replica: the prompt is computed here."""
        route = message.body["route"]
        stage = self.stages.get(route["decode_replica"])
        if route["prefill"] or stage is None or not stage.first:
            return self.fail(message.request, message.epoch, "no_stage", "this worker serves no first stage of that replica")
        try:
            sequence = self.open(message, stage)
        except WireError as error:
            return self.fail(message.request, message.epoch, **{
                "code": error.body["code"], "text": error.body["message"], "retriable": error.body["retriable"]})
        if sequence is None:
            return
        self.report(message.request, "prefill_started", message.epoch, sequence.generated)
        sequence.waiting = set()
        self.counters["prefill_tokens"] += sequence.length
        self.report(message.request, "prefill_finished", message.epoch, sequence.generated)
        sequence.running = True
        self.report(message.request, "decode_started", message.epoch, sequence.generated)

    # Sequences

    def reserved(self, stage):
        return sum(-(-sequence.reserved // BLOCK) * BLOCK for sequence in self.sequences.values() if sequence.stage is stage)

    def open(self, message, stage):
        """The sequence; nothing where it is here already, or has ended."""
        if message.request in self.sequences or message.request in self.closed:
            return None
        body, tokens = message.body, message.tokens()
        if not tokens or not 0 < len(tokens) <= body["reserved_tokens"] or body["generated_tokens"] > len(tokens):
            raise WireError("bad_request", "the tokens and what is reserved for them do not fit")
        if not all(0 <= token < self.model["vocab"] for token in tokens):
            raise WireError("bad_request", "a token is outside of the vocabulary")
        sequence = Sequence(message.request, stage, message.epoch, body, tokens)
        if self.reserved(stage) + sequence.reserved > stage.capacity:
            raise WireError("out_of_memory", f"no KV cache for {sequence.reserved} tokens", retriable=True)
        self.sequences[message.request] = sequence
        if not stage.last:
            self.send(sequence.route["decode"][stage.index + 1]["endpoint"], "sequence.open", body, message.tensors,
                      request=message.request, epoch=message.epoch)
        for apply in self.early.pop(message.request, []):
            apply(sequence)
        return sequence

    def drop(self, stage, why):
        for sequence in [entry for entry in self.sequences.values() if entry.stage is stage]:
            self.forget(sequence)
            if stage.first:
                self.fail(sequence.request, stage.epoch, "stage_gone", why, generated=sequence.generated)
        stage.busy = False

    def forget(self, sequence):
        self.sequences.pop(sequence.request, None)
        self.closed[sequence.request] = True
        while len(self.closed) > 4096:
            self.closed.pop(next(iter(self.closed)))

    def finish(self, sequence, reason):
        stage = sequence.stage
        self.forget(sequence)
        if not stage.last:
            self.send(sequence.route["decode"][stage.index + 1]["endpoint"], "sequence.close", request=sequence.request,
                      epoch=sequence.epoch)
        self.report(sequence.request, "finished", sequence.epoch, sequence.generated, finish_reason=reason)

    def later(self, message, apply):
        """What comes before the sequence is open is kept, within a bound."""
        sequence = self.sequences.get(message.request)
        if sequence:
            apply(sequence)
        elif message.request not in self.closed:
            self.early.setdefault(message.request, []).append(apply)
            while len(self.early) > 1024:
                self.early.pop(next(iter(self.early)))

    # Other stages

    def on_data(self, message):
        kind = message.type
        if kind == "link.echo":
            self.service.reply(self.data, message, "link.echoed")
        elif kind == "sequence.open":
            stage = self.stages.get(message.body["route"]["decode_replica"])
            if stage is None or message.epoch < stage.epoch:
                raise WireError("no_stage", "this worker serves no stage of that replica", retriable=True)
            try:
                self.open(message, stage)
            except WireError as error:
                self.fail(message.request, message.epoch, error.body["code"], error.body["message"], error.body["retriable"])
        elif kind == "kv.chunk":
            self.chunk(message)
        elif kind == "kv.complete":
            layers = self.layers(message)
            self.later(message, lambda sequence: self.stage_complete(sequence, layers))
        elif kind == "sequence.first_token":
            token, reason = message.body["token"], message.body.get("finish_reason")
            if self.model and not 0 <= token < self.model["vocab"]:
                raise WireError("bad_request", f"the token {token} is outside of the vocabulary")
            self.later(message, lambda sequence: self.first_token(sequence, token, reason))
        elif kind == "stage.forward":
            self.forwarded(message)
        elif kind == "stage.done":
            self.step_done(message)
        elif kind == "sequence.close":
            sequence = self.sequences.get(message.request)
            if sequence:
                self.forget(sequence)
                if not sequence.stage.last:
                    self.send(sequence.route["decode"][sequence.stage.index + 1]["endpoint"], "sequence.close",
                              request=message.request, epoch=message.epoch)
        elif kind == "sequence.keep":
            for request in message.body["requests"]:
                if request in self.sequences:
                    self.sequences[request].heard = time.monotonic()
        elif "reply_to" not in message.envelope:
            raise WireError("unknown_type", f"this socket does not know {kind}")

    def layers(self, message):
        """The layers of a message, which no schema can compare with each other."""
        start, end = message.body["layers"]["start"], message.body["layers"]["end"]
        if end < start:
            raise WireError("malformed", f"{message.type}: its layers end before they start")
        return start, end

    def chunk(self, message):
        body = message.body
        tensor = body["tensors"][0]
        start, end = self.layers(message)
        if tensor["name"] != "kv" or tensor["shape"][0] != end - start or tensor["shape"][3] != body["count"] or not (
                0 <= body["start"] and body["start"] + body["count"] <= body["total"]):
            raise WireError("bad_tensor", "kv.chunk: its shape and its figures do not fit")
        self.counters["kv_transfer_bytes"] += len(message.tensors[0])
        positions = range(body["start"], body["start"] + body["count"])

        def apply(sequence):
            arrived = sequence.__dict__.setdefault("arrived", {})
            for layer in range(max(start, sequence.stage.range[0]), min(end, sequence.stage.range[1])):
                arrived.setdefault(layer, set()).update(positions)
            complete = all(len(arrived.get(layer, ())) == body["total"] for layer in range(*sequence.stage.range))
            if complete and not sequence.__dict__.get("told"):
                sequence.told = True
                if sequence.stage.first:
                    self.stage_complete(sequence, sequence.stage.range)
                else:
                    self.send(sequence.route["decode"][0]["endpoint"], "kv.complete", {
                        "layers": {"start": sequence.stage.range[0], "end": sequence.stage.range[1]}},
                        request=sequence.request, epoch=sequence.epoch)
        self.later(message, apply)

    def stage_complete(self, sequence, layers):
        for index, stage in enumerate(sequence.stage.stages):
            if (stage["layers"]["start"], stage["layers"]["end"]) == layers:
                sequence.waiting.discard(index)
        if not sequence.waiting:
            self.report(sequence.request, "kv_complete", sequence.epoch, sequence.generated)
        self.begin(sequence)

    def first_token(self, sequence, token, reason):
        if sequence.token is not None:
            return
        sequence.token, sequence.generated = token, sequence.generated + 1
        if reason:
            return self.finish(sequence, reason)
        self.begin(sequence)

    def begin(self, sequence):
        if sequence.token is not None and not sequence.waiting and not sequence.running:
            sequence.running = True
            self.report(sequence.request, "decode_started", sequence.epoch, sequence.generated)

    # Steps

    def sample(self, sequence):
        """The next token of nonsense, given to the gateway by the last stage."""
        token = NONSENSE[sequence.generated % len(NONSENSE)]
        reason = None
        if sequence.generated + 1 >= sequence.stop["max_tokens"] or sequence.length + 1 >= sequence.reserved:
            reason = "length"
        body = {"tokens": [token], **({"finish_reason": reason} if reason else {})}
        self.send(sequence.route["gateway"], "tokens.emitted", body, request=sequence.request, epoch=sequence.epoch,
                  seq=sequence.generated, final=reason is not None)
        return token, reason

    def advance(self, sequence, reason):
        sequence.generated += 1
        sequence.length += 1
        if reason:
            self.finish(sequence, reason)

    def drive(self):
        """One step of every replica whose first stage this is, about fifty times a second."""
        for stage in list(self.stages.values()):
            rows = [entry for entry in self.sequences.values() if entry.stage is stage and entry.running]
            if not stage.first or stage.busy or not rows:
                continue
            self.counters["decode_steps"] += 1
            self.counters["decode_rows"] += len(rows)
            self.counters["decode_s"] += 0.01
            if stage.last:
                for sequence in rows:
                    self.advance(sequence, self.sample(sequence)[1])
                continue
            stage.step, stage.busy = stage.step + 1, True
            entries = [{"request": entry.request, "start": entry.length, "count": 1, "sample": True,
                        "input_token": entry.token or NONSENSE[0]} for entry in rows]
            self.forward(stage, rows[0].route, stage.epoch, stage.step, entries)

    def forward(self, stage, route, epoch, step, entries):
        rows = sum(entry["count"] for entry in entries)
        self.send(route["decode"][stage.index + 1]["endpoint"], "stage.forward", {
            "step": step, "replica": stage.replica, "stage": stage.index + 1, "entries": entries,
            "tensors": [{"name": "hidden", "dtype": "f32", "shape": [rows, self.model["hidden"]]}]},
            [bytes(rows * self.model["hidden"] * 4)], epoch=epoch)

    def forwarded(self, message):
        body = message.body
        stage = self.stages.get(body["replica"])
        if stage is None or message.epoch < stage.epoch or stage.index != body["stage"]:
            raise WireError("no_stage", f"this worker serves no stage {body['stage']} of {body['replica']}", retriable=True)
        known = [(entry, self.sequences[entry["request"]]) for entry in body["entries"] if entry["request"] in self.sequences]
        first = next((sequence.route["decode"][0]["endpoint"] for _, sequence in known), None)
        if first is None:
            return
        if not stage.last:
            return self.forward(stage, known[0][1].route, message.epoch, body["step"], body["entries"])
        tokens = []
        for entry, sequence in known:
            if entry["sample"]:
                sequence.generated = max(sequence.generated, 1 if sequence.route["prefill"] else 0)
                token, reason = self.sample(sequence)
                sequence.generated += 1
                sequence.length += 1
                tokens.append({"request": sequence.request, "token": token, **({"finish_reason": reason} if reason else {})})
        self.send(first, "stage.done", {"step": body["step"], "replica": stage.replica, "tokens": tokens}, epoch=message.epoch)

    def step_done(self, message):
        stage = self.stages.get(message.body["replica"])
        if stage is None or message.epoch < stage.epoch or message.body["step"] != stage.step:
            return
        stage.busy = False
        for result in message.body["tokens"]:
            sequence = self.sequences.get(result["request"])
            if sequence and sequence.running:
                self.advance(sequence, result.get("finish_reason"))

    # Time

    def tick(self):
        service, now = self.service, time.monotonic()
        self.drive()
        if self.is_due("registry", now):
            if self.heartbeats["registry"] is None:
                # The model's description is that of the workers that read the file.
                service.send(self.registry, "fleet.get")
            if self.model is None:
                pass
            elif self.heartbeats["registry"] is None:
                service.send(self.registry, "device.register", {
                    "device": self.device, "worker": "decode", **self.identity, "memory_usable_bytes": self.memory,
                    "data_endpoint": self.endpoint, "model": self.model, "protocol_minor": 1, "capabilities": []})
            else:
                service.send(self.registry, "device.heartbeat", {
                    "device": self.device, "worker": "decode", "resident_bytes": 1 << 20})
        if self.model and self.is_due("control", now):
            if self.heartbeats["control"] is None:
                service.send(self.control, "worker.hello", {
                    "device": self.device, "worker": "decode", "data_endpoint": self.endpoint,
                    "kv_block_tokens": BLOCK, "protocol_minor": 1,
                    "stages": [{"assignment": stage.assignment, "epoch": stage.epoch, "kv_capacity_tokens": stage.capacity,
                                "weight_bytes": stage.weights} for stage in self.stages.values()],
                    "requests": [{"request": entry.request, "reserved_tokens": entry.reserved, "replica": entry.stage.replica,
                                  "gateway_endpoint": entry.route["gateway"]}
                                 for entry in self.sequences.values() if entry.stage.first]}, epoch=self.epoch)
            else:
                service.send(self.control, "worker.heartbeat", {
                    "device": self.device, "worker": "decode", "resident_bytes": 1 << 20, "counters": self.counters,
                    "waiting": sum(not entry.running for entry in self.sequences.values()),
                    "running": sum(entry.running for entry in self.sequences.values()),
                    "kv_used_tokens": sum(entry.reserved for entry in self.sequences.values())}, epoch=self.epoch)
        for sequence in [entry for entry in self.sequences.values() if not entry.stage.first]:
            if now - sequence.heard > self.lease:
                self.forget(sequence)
        self.keep(now)
        if self.leaving and (not self.sequences or now > self.leaving):
            # While the sockets are there: nobody waits for heartbeats that do not come any more.
            service.send(self.registry, "device.leave", {"device": self.device, "worker": "decode", "resident_bytes": 0})
            service.stopped = True

    def keep(self, now):
        """Leases of the next stages, four times in each."""
        if now - self.__dict__.get("kept", 0) < self.lease / 4:
            return
        self.kept = now
        groups = {}
        for sequence in self.sequences.values():
            if sequence.stage.first and not sequence.stage.last:
                for stage in sequence.route["decode"][1:]:
                    groups.setdefault((stage["endpoint"], sequence.stage.epoch), []).append(sequence.request)
        for (endpoint, epoch), requests in groups.items():
            self.send(endpoint, "sequence.keep", {"requests": requests}, epoch=epoch)

    def leave(self):
        """What runs may end, for a while."""
        if self.leaving is None:
            self.leaving = time.monotonic() + 8
            if self.sequences:
                self.service.send(self.control, "worker.leave")

    def run(self):
        self.service.stop = self.leave
        self.service.run(self.tick, every=0.02)


if __name__ == "__main__":
    Worker().run()
