"""Compares servers as their clients see them; `scripts/bench serve` calls it.

All servers run all the time, and one of them has requests. Every round sends each load to each server it is for, one
after the other with the same prompts, so that whatever disturbs the machine disturbs all; medians over the rounds
count. Each server has answered requests before.
"""
import argparse
import datetime
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile

import bench_report
from bench_engine import processor
from bench_servers import Fleet, LlamaServer

ONE, LOCAL, TWO = "one device", "default fleet", "two devices"
SERVER, RPC = "llama-server", "llama.cpp RPC"
CHATS = {"input": 200, "output": 64}
STREAM = {"input": 512, "output": 64}
# A target is reached where the ratio of ours over theirs is at least, or at most, this.
COLD = {"output_throughput": (">=", 5), "mean_ttft_ms": ("<=", 0.12)}
WARM = {"output_throughput": (">=", 2), "mean_ttft_ms": ("<=", 1)}
PIPELINE = {"prefill_throughput": (">=", 6), "decode_throughput": (">=", 2)}
FIGURES = {
    "output_throughput": ("output, tokens/s", 0), "mean_ttft_ms": ("TTFT, ms", 0), "mean_tpot_ms": ("TPOT, ms", 1),
    "prefill_throughput": ("prefill, tokens/s", 0), "decode_throughput": ("decode, tokens/s", 0)}


def say(text):
    print(text, file=sys.stderr, flush=True)


def loads(quick):
    """Each load with the servers it is for, ours and theirs in pairs, and the targets of the first pair."""
    for chats in [8] if quick else [8, 16]:
        for warm in (False, True):
            yield {
                "name": f"{chats} chats, {'warm' if warm else 'cold'}", **CHATS, "chats": chats, "warm": warm,
                "ours": [ONE, LOCAL], "theirs": f"{SERVER}, {chats} slots", "targets": WARM if warm else COLD,
                "figures": ["output_throughput", "mean_ttft_ms", "mean_tpot_ms"]}
    yield {
        "name": "1 stream, cold", **STREAM, "chats": 1, "warm": False, "repeats": 3, "ours": [TWO], "theirs": RPC,
        "targets": PIPELINE, "figures": ["prefill_throughput", "decode_throughput"]}
    if not quick:
        yield {
            "name": "8 chats, cold", **CHATS, "chats": 8, "warm": False, "ours": [TWO], "theirs": RPC, "targets": {},
            "figures": ["output_throughput", "mean_ttft_ms", "mean_tpot_ms"]}


def pipeline_limit(model):
    """Memory that holds half of the model with the KV cache of some chats, but not the whole model."""
    return f"{int(model.stat().st_size * 0.97 + 64e6) // 1_000_000}M"


def servers(options, wanted, folder):
    """The servers of the loads, by name."""
    cores = os.cpu_count() or 1
    peers = pathlib.Path(options.peers) if options.peers else None
    made = {}

    def add(name, make):
        if name not in made:
            made[name] = make(folder / name.replace(" ", "-").replace(",", ""))

    def fleet(name, text):
        path = folder / f"{name.replace(' ', '-')}.yaml"
        path.write_text(text)
        return path

    for load in wanted:
        for name in load["ours"]:
            if name == ONE:
                file = fleet(name, f"roles: mixed\ndevices:\n  - id: device\n    threads: {cores}\n")
                add(name, lambda place, file=file: Fleet(ONE, place, options.binary, file, stages=1))
            elif name == LOCAL:
                add(name, lambda place: Fleet(LOCAL, place, options.binary, options.fleet))
            else:
                limit = options.pipeline_memory or pipeline_limit(options.model)
                file = fleet(
                    name, "roles: mixed\ndevices:\n  - id: device\n    count: 2\n    threads: 1\n"
                    f"    memory_limit: {limit}\n")
                add(name, lambda place, file=file: Fleet(TWO, place, options.binary, file, stages=2))
        if peers and load["theirs"] == RPC:
            add(RPC, lambda place: LlamaServer(RPC, place, peers, slots=8, threads=1, rpc=2))
        elif peers:
            name, slots = load["theirs"], load["chats"]
            add(name, lambda place, name=name, slots=slots: LlamaServer(name, place, peers, slots, cores))
    return made


def measure(options, server, load, seed, folder):
    """The figures of one run of a load."""
    path = folder / "run.json"
    chats = load["chats"]
    command = [
        options.binary, "bench", "serve", "--base-url", server.url, "--num-prompts", chats * load.get("repeats", 1),
        "--max-concurrency", chats, "--random-input-len", load["input"], "--random-output-len", load["output"],
        "--ignore-eos", "--seed", seed, "--disable-tqdm", "--save-result", "--save-detailed", "--result-dir", folder,
        "--result-filename", path.name, "--label", server.name, *(["--warm"] if load["warm"] else [])]
    told = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=900, check=False)
    if told.returncode != 0:
        raise SystemExit(f"error: {server.name}, {load['name']}: {told.stderr.strip().removeprefix('error: ')}")
    result = json.loads(path.read_text())
    prompts, answers = set(result["input_lens"]), set(result["output_lens"])
    if result["failed"] or (prompts, answers) != ({load["input"]}, {load["output"]}):
        raise SystemExit(
            f"error: {server.name}, {load['name']}: {result['failed']} requests failed, prompts have {sorted(prompts)} "
            f"tokens, answers {sorted(answers)}: {told.stderr}")
    # For one stream: the prompt's tokens until the first token, and the others after it.
    result["prefill_throughput"] = 1000 * load["input"] / result["median_ttft_ms"]
    result["decode_throughput"] = 1000 / result["median_tpot_ms"]
    return result


def gather(options, wanted, made, folder):
    """All figures of all rounds: load -> server -> results."""
    for server in made.values():
        say(f"starting {server.name}")
        server.start(options.model)
    for server in made.values():
        measure(options, server, {**CHATS, "output": 16, "name": "warm-up", "chats": 4, "warm": False}, 1, folder)
    runs = [{} for _ in wanted]
    for number in range(1, options.rounds + 1):
        say(f"round {number} of {options.rounds}")
        for index, load in enumerate(wanted):
            names = [name for name in [*load["ours"], load["theirs"]] if name in made]
            # Whoever comes first in one round comes last in the next one.
            for name in names if number % 2 else reversed(names):
                result = measure(options, made[name], load, 1000 * number + 10 * index + 2, folder)
                runs[index].setdefault(name, []).append(result)
    return runs


def row(load, name, results, theirs):
    """Medians of a server, and its ratios over the peer's in the same rounds."""
    answer = {"load": load["name"], "server": name, "figures": {}, "ratios": {}, "rounds": results}
    for figure in load["figures"]:
        values = [result[figure] for result in results]
        answer["figures"][figure] = statistics.median(values)
        if theirs is not results and theirs:
            answer["ratios"][figure] = statistics.median(
                result[figure] / other[figure] for result, other in zip(results, theirs))
    return answer


def verdicts(load, rows):
    """Whether the first server of a load reached the targets."""
    for answer in rows:
        if answer["server"] != load["ours"][0]:
            continue
        for figure, (relation, limit) in load["targets"].items():
            ratio = answer["ratios"].get(figure)
            if ratio is not None:
                yield {
                    "load": load["name"], "server": answer["server"], "over": load["theirs"], "figure": figure,
                    "target": f"{relation} {limit} x", "ratio": ratio,
                    "reached": ratio >= limit if relation == ">=" else ratio <= limit}


def tables(report, style):
    order = list(FIGURES)
    used = [figure for figure in order if any(figure in answer["figures"] for answer in report["results"])]
    rows = []
    for answer in report["results"]:
        cells = [answer["load"], answer["server"]]
        for figure in used:
            value = answer["figures"].get(figure)
            ratio = answer["ratios"].get(figure)
            text = bench_report.number(value, FIGURES[figure][1])
            cells.append(text + (f" ({ratio:.2f} x)" if ratio is not None else ""))
        rows.append(cells)
    peers = f", {report['peer']}" if report["peer"] else ""
    parts = [
        f"{report['processor']}, {report['processors']} processors; {bench_report.date(report)}, version "
        f"{report['version']}{peers}; {report['model']}; medians of {report['rounds']} interleaved rounds"
        + ("; in brackets the ratio to llama.cpp." if report["peer"] else "."),
        style.table(["load", "server", *(FIGURES[figure][0] for figure in used)], rows)]
    if report["targets"]:
        parts.append(style.table(
            ["load", "ours over theirs", "figure", "target", "ratio", "reached"],
            [[target["load"], f"{target['server']} over {target['over']}", FIGURES[target["figure"]][0],
              target["target"], f"{target['ratio']:.2f} x", "yes" if target["reached"] else "NO"]
             for target in report["targets"]]))
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--fleet", type=pathlib.Path, required=True, help="the default fleet")
    parser.add_argument("--peers", help="folder of llama-server and ggml-rpc-server")
    parser.add_argument("--peer-version", default="")
    parser.add_argument("--pipeline-memory", default="", help="memory of each of the two devices, instead of a guess")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.rounds = options.rounds if options.rounds is not None else 1 if options.quick else 5
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    # So that servers are ended, too, when this is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: ended by a signal"))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit("error: ended by a signal"))

    started = datetime.datetime.now(datetime.timezone.utc)
    wanted = list(loads(options.quick))
    version = subprocess.run(
        [options.binary, "version"], capture_output=True, text=True, check=True).stdout.split("\n")[0].strip()
    with tempfile.TemporaryDirectory(prefix="e2llm-bench-") as name:
        folder = pathlib.Path(name)
        made = servers(options, wanted, folder)
        try:
            runs = gather(options, wanted, made, folder)
        finally:
            for server in made.values():
                server.stop()
    results, targets = [], []
    for load, by_server in zip(wanted, runs):
        rows = [row(load, name, found, by_server.get(load["theirs"])) for name, found in by_server.items()]
        results += rows
        targets += verdicts(load, rows)
    report = {
        "measured_at": started.isoformat(timespec="seconds"), "processor": processor(), "processors": os.cpu_count(),
        "version": version, "peer": options.peer_version or None, "model": options.model.name,
        "rounds": options.rounds, "loads": wanted, "servers": {name: server.told for name, server in made.items()},
        "targets": targets, "results": results}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "serve.json").write_text(json.dumps(report, indent=1) + "\n")
    print(tables(report, bench_report.Markdown() if options.markdown else bench_report.Text()))
    say(f"wrote {options.output / 'serve.json'}")


if __name__ == "__main__":
    main()
