"""Drives llama.cpp for scripts/bench, through the C interface of llama-cpp-python: speed, logits, requantising.

    bench_llama.py speed --model F --threads N --repetitions R < jobs.json
    bench_llama.py logits --model F --threads N --like OURS --output FILE [--reference]
    bench_llama.py quantize --model F --type Q4_K_M --output FILE

Prints JSON. A job is {"kind": "prefill", "tokens", "ubatch", "flash"} or {"kind": "decode", "batch", "context", "steps",
"flash", "unified"}; its answer {"tokens_per_s", "seconds"}.
"""
import argparse
import ctypes
import json
import os
import random
import statistics
import sys
import time

import llama_cpp as llama
import numpy

import bench_logits

F32, F16 = 0, 1  # ggml types of keys and values


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def _quiet(level, text, data):
    pass


class Model:
    def __init__(self, path):
        llama.llama_backend_init()
        llama.llama_log_set(_quiet, None)
        self.handle = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        if not self.handle:
            sys.exit(f"error: llama.cpp cannot load {path}")
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.handle))


class Context:
    """One llama_context and the batches it is given."""

    def __init__(self, model, *, tokens, threads, sequences=1, batch=512, ubatch=512, flash=False, unified=False, kv=F16):
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = tokens
        parameters.n_batch = batch
        parameters.n_ubatch = ubatch
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED)
        parameters.type_k = parameters.type_v = kv
        parameters.kv_unified = unified
        parameters.no_perf = True
        self.handle = llama.llama_init_from_model(model.handle, parameters)
        if not self.handle:
            sys.exit("error: llama.cpp cannot make a context")
        self.memory = llama.llama_get_memory(self.handle)
        self.model = model

    def close(self):
        llama.llama_free(self.handle)

    def batch(self, rows):
        """A batch of rows (token, position, sequence, whether its logits are wanted)."""
        batch = llama.llama_batch_init(len(rows), 0, 1)
        batch.n_tokens = len(rows)
        for index, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = wanted
        return batch

    def copy_sequence(self, targets):
        """Gives each target a copy of its own of sequence 0 (llama_memory_seq_cp would share the cells)."""
        size = llama.llama_state_seq_get_size(self.handle, 0)
        state = (ctypes.c_uint8 * size)()
        if llama.llama_state_seq_get_data(self.handle, state, size, 0) != size:
            sys.exit("error: llama.cpp cannot save a sequence")
        for target in targets:
            if llama.llama_state_seq_set_data(self.handle, state, size, target) == 0:
                sys.exit("error: llama.cpp cannot restore a sequence")

    def decode(self, batch):
        if llama.llama_decode(self.handle, batch) != 0:
            sys.exit("error: llama_decode failed")
        llama.llama_synchronize(self.handle)


def median_seconds(repetitions, work, restore):
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
        restore()
    return statistics.median(times)


def prefill(model, job, threads, repetitions, tokens):
    count = job["tokens"]
    context = Context(
        model, tokens=count, threads=threads, batch=count, ubatch=min(job["ubatch"], count), flash=job["flash"])
    batch = context.batch([(tokens[i], i, 0, i == count - 1) for i in range(count)])

    def clear():
        llama.llama_memory_clear(context.memory, False)

    # One physical batch touches every buffer.
    context.decode(context.batch([(tokens[i], i, 0, False) for i in range(min(job["ubatch"], count))]))
    clear()
    seconds = median_seconds(repetitions, lambda: context.decode(batch), clear)
    context.close()
    return {"tokens_per_s": count / seconds, "seconds": seconds}


def decode(model, job, threads, repetitions, tokens):
    size, held, steps = job["batch"], job["context"], job["steps"]
    context = Context(
        model, tokens=size * ((held + steps + 255) // 256 * 256), threads=threads, sequences=size, batch=max(held, size),
        flash=job["flash"], unified=job["unified"])
    context.decode(context.batch([(tokens[i], i, 0, False) for i in range(held)]))
    context.copy_sequence(range(1, size))
    batches = [
        context.batch([(tokens[step * size + s], held + step, s, True) for s in range(size)]) for step in range(steps)]

    def restore():
        for sequence in range(size):
            llama.llama_memory_seq_rm(context.memory, sequence, held, -1)

    def work():
        for batch in batches:
            context.decode(batch)

    for batch in batches[:2]:
        context.decode(batch)
    restore()
    seconds = median_seconds(repetitions, work, restore)
    context.close()
    return {"tokens_per_s": size * steps / seconds, "seconds": seconds}


def speed(options):
    jobs = json.load(sys.stdin)
    model = Model(options.model)
    source = random.Random(1)
    tokens = [source.randrange(model.vocabulary) for _ in range(1 << 15)]
    kinds = {"prefill": prefill, "decode": decode}
    results = [kinds[job["kind"]](model, job, options.threads, options.repetitions, tokens) for job in jobs]
    print(json.dumps({
        "results": results, "version": llama.__version__,
        "system": llama.llama_print_system_info().decode().strip()}))


def logits(options):
    """The logits of the same positions of the same tokens as in a file of ours; the reference keeps KV in f32."""
    ours = bench_logits.Logits(options.like)
    model = Model(options.model)
    if model.vocabulary != ours.vocabulary:
        sys.exit(f"error: {options.model} has {model.vocabulary} tokens, {options.like} has {ours.vocabulary}")
    context = Context(
        model, tokens=ours.context, threads=options.threads, batch=ours.context, ubatch=ours.context,
        kv=F32 if options.reference else F16)
    with open(options.output, "wb") as output:
        output.write(ours.header)
        for chunk in ours.tokens:
            llama.llama_memory_clear(context.memory, True)
            wanted = range(ours.first, ours.first + ours.rows)
            context.decode(context.batch([(int(t), i, 0, i in wanted) for i, t in enumerate(chunk)]))
            for position in wanted:
                row = llama.llama_get_logits_ith(context.handle, position)
                output.write(numpy.ctypeslib.as_array(row, (ours.vocabulary,)).astype("<f4").tobytes())
    context.close()
    print(json.dumps({"rows": len(ours.tokens) * ours.rows}))


def quantize(options):
    parameters = llama.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama, "LLAMA_FTYPE_MOSTLY_" + options.type)
    parameters.allow_requantize = True
    parameters.nthread = os.cpu_count() or 1
    llama.llama_backend_init()
    llama.llama_log_set(_quiet, None)
    part = options.output + ".part"
    status = llama.llama_model_quantize(options.model.encode(), part.encode(), ctypes.byref(parameters))
    if status != 0:
        sys.exit(f"error: llama.cpp cannot make {options.type} of {options.model}")
    os.replace(part, options.output)
    print(json.dumps({"bytes": os.path.getsize(options.output)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, run in (("speed", speed), ("logits", logits), ("quantize", quantize)):
        verb = verbs.add_parser(name)
        verb.set_defaults(run=run)
        verb.add_argument("--model", required=True)
        if name != "quantize":
            verb.add_argument("--threads", type=int, required=True)
        if name == "speed":
            verb.add_argument("--repetitions", type=int, default=1)
        else:
            verb.add_argument("--output", required=True)
        if name == "logits":
            verb.add_argument("--like", required=True)
            verb.add_argument("--reference", action="store_true")
        if name == "quantize":
            verb.add_argument("--type", required=True)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
