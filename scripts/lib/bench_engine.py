"""Compares the engine with llama.cpp and with the limits of this machine; `scripts/bench engine` calls it.

Every round runs each configuration once, ours and theirs one after the other, so that whatever disturbs the machine
disturbs both; medians over the rounds count. Each run warms up first.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys

import bench_report
from bench_programs import Engine, Peer, Unsupported

BASE = {"prefill": 512, "batches": [1, 8, 16], "context": 128, "steps": 16}
LONG = {"prefill": 4096, "batches": [1], "context": 4096, "steps": 16}
TYPES = ["Q4_0", "Q8_0", "Q4_K_M"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def requantised(model, kind, folder, peer):
    """The file in another type, made by llama.cpp where it is missing; None without llama.cpp."""
    path = folder / f"{model.stem}.to-{kind}.gguf"
    if not path.exists() and peer:
        say(f"making {path.name} with llama.cpp")
        folder.mkdir(parents=True, exist_ok=True)
        peer.run("quantize", "--model", model, "--type", kind, "--output", path)
    return path if path.exists() else None


def configurations(options, peer):
    """Name, configuration and how many other busy processes run beside it; and what is left out, with the reason."""
    model = pathlib.Path(options.model)
    most = max(options.threads)
    wanted, skipped = [], {}
    for threads in options.threads:
        wanted.append((f"{threads} threads", {**BASE, "model": model, "threads": threads}, 0))
    if options.quick:
        return wanted, skipped
    wanted.append((f"{most} threads, context 4096", {**LONG, "model": model, "threads": most}, 0))
    wanted.append((f"{most} threads, 1 busy process", {**BASE, "model": model, "threads": most}, 1))
    for kind in TYPES:
        path = requantised(model, kind, options.models, peer)
        if path:
            wanted.append((f"{kind}, {most} threads", {**BASE, "model": path, "threads": most}, 0))
        else:
            skipped[kind] = "made from the model by llama.cpp: needs --peers once"
    for path in map(pathlib.Path, options.also):
        wanted.append((f"{path.stem}, {most} threads", {**BASE, "model": path, "threads": most}, 0))
    return wanted, skipped


class Busy:
    """Other processes that compute without end."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(self.count)]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def gather(wanted, skipped, engine, peer, rounds):
    """All rates of all rounds."""
    runs = {}
    for name, configuration, busy in wanted:
        try:
            engine.measure(configuration)
        except Unsupported as reason:
            skipped[name] = str(reason)
            say(f"skipped {name}: {reason}")
            continue
        runs[name] = {"configuration": configuration, "busy": busy, "ours": {}, "theirs": {}, "told": []}
        if peer:
            with Busy(busy):
                peer.tune(name, configuration)
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        for name, run in runs.items():
            with Busy(run["busy"]):
                rates, told = engine.measure(run["configuration"])
                run["told"].append(told)
                for metric, rate in rates.items():
                    run["ours"].setdefault(metric, []).append(rate)
                if peer:
                    for metric, rate in peer.measure(name, run["configuration"]).items():
                        run["theirs"].setdefault(metric, []).append(rate)
    return runs


def limits(run):
    """The machine's limits as measured in all rounds; the best, because others only take away."""
    return {key: max(told[key] for told in run["told"]) for key in ("peak_gmacs", "read_gb_per_s")}


def rows(name, run, peer):
    """One row per metric: medians, ratio, shares of the limits."""
    told = run["told"][0]
    most = limits(run)
    for metric, ours in run["ours"].items():
        row = {"configuration": name, "metric": metric, "ours": statistics.median(ours), "ours_rounds": ours}
        sides = [("ours", row["ours"])]
        if run["theirs"]:
            theirs = run["theirs"][metric]
            row |= {
                "theirs": statistics.median(theirs), "theirs_rounds": theirs,
                "theirs_settings": peer.chosen[name][metric],
                "ratio": statistics.median(a / b for a, b in zip(ours, theirs))}
            sides.append(("theirs", row["theirs"]))
        for side, rate in sides:
            if metric.startswith("prefill"):
                macs = told["prefill_gmacs"] / told["prefill_tokens_per_s"]
                row[f"{side}_of_peak"] = rate * macs / most["peak_gmacs"]
            else:
                batch = int(metric.split()[-1])
                entry = next(entry for entry in told["decode"] if entry["batch"] == batch)
                row[f"{side}_of_peak"] = rate * entry["gmacs"] / entry["tokens_per_s"] / most["peak_gmacs"]
                row[f"{side}_of_read"] = rate / batch * told["weights_bytes"] / 1e9 / most["read_gb_per_s"]
        yield row


def against(table, name, other, pairs):
    """Rates of one configuration over those of another one, for pairs of metrics."""
    found = {(row["configuration"], row["metric"]): row for row in table}
    for metric, undisturbed in pairs:
        left, right = found.get((name, metric)), found.get((other, undisturbed))
        if left and right:
            yield {
                "of": f"{name}, {metric}", "over": f"{other}, {undisturbed}", "ours": left["ours"] / right["ours"],
                **({"theirs": left["theirs"] / right["theirs"]} if "theirs" in left and "theirs" in right else {})}


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return os.uname().machine


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--also", action="append", default=[], help="a further model file")
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder for requantised files")
    parser.add_argument("--peer-python")
    parser.add_argument("--threads", type=lambda text: [int(part) for part in text.split(",")], default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    if options.rounds < 1 or any(not 1 <= count <= 256 for count in options.threads):
        parser.error("--rounds must be at least 1, --threads 1 to 256")
    engine = Engine(options.binary)
    peer = Peer(options.peer_python) if options.peer_python else None
    started = datetime.datetime.now(datetime.timezone.utc)
    wanted, skipped = configurations(options, peer)
    runs = gather(wanted, skipped, engine, peer, options.rounds)
    if not runs:
        sys.exit("error: nothing was measured")
    table = [row for name, run in runs.items() for row in rows(name, run, peer)]
    plain = f"{max(options.threads)} threads"
    base = [f"prefill {BASE['prefill']}"] + [f"decode batch {batch}" for batch in BASE["batches"]]
    ratios = [
        *against(table, f"{plain}, context 4096", plain, [("prefill 4096", "prefill 512"), ("decode batch 1",) * 2]),
        *against(table, f"{plain}, 1 busy process", plain, [(metric, metric) for metric in base])]
    first = next(iter(runs.values()))["told"][0]
    report = {
        "measured_at": started.isoformat(timespec="seconds"), "processor": processor(),
        "processors": os.cpu_count(), "isa": first["isa"], "version": first["version"],
        "peer": {"llama_cpp_python": peer.version, "system": peer.system} if peer else None,
        "rounds": options.rounds, "limits": {name: limits(run) for name, run in runs.items()},
        "results": table, "relative": ratios, "skipped": skipped,
        "resident": {name: {key: run["told"][0][key] for key in (
            "peak_rss_bytes", "weights_bytes", "kv_bytes", "scratch_bytes", "load_seconds")} for name, run in runs.items()}}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "engine.json").write_text(json.dumps(report, indent=1) + "\n")
    print(bench_report.engine(report, bench_report.Markdown() if options.markdown else bench_report.Text()))
    say(f"wrote {options.output / 'engine.json'}")


if __name__ == "__main__":
    main()
