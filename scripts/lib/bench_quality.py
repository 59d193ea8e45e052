"""Compares logits and perplexity with an f32 reference; `scripts/bench quality` calls it.

The reference is llama.cpp running an F32 file with the weights of the quantised file, keys and values in f32. Ours and
llama.cpp's own run of the quantised file are compared with it at the same positions of the same text.
"""
import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

import bench_logits
import bench_report
from bench_programs import FOLDER, Peer, Unsupported, call


def say(text):
    print(text, file=sys.stderr, flush=True)


def reference_file(model, folder):
    """The model's weights as f32, made where it is missing or older than the model."""
    path = folder / f"{model.stem}.to-F32.gguf"
    if not path.exists() or path.stat().st_mtime < model.stat().st_mtime:
        say(f"writing {path.name}")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, FOLDER / "bench_dequantize.py", model, path], check=True)
    return path


def measure(options, model, folder):
    """Logits of ours, of llama.cpp and of the reference below `folder`, compared."""
    peer = Peer(sys.executable)
    paths = {side: folder / side for side in ("ours", "theirs", "reference")}
    say("ours")
    told = call([
        options.binary, "perplexity", "--json", "--model", model, "--file", options.text, "--context", options.context,
        "--chunks", options.chunks, "--threads", options.threads, "--logits", paths["ours"]])
    common = ["--threads", options.threads, "--like", paths["ours"], "--output"]
    say("llama.cpp")
    peer.run("logits", "--model", model, *common, paths["theirs"])
    say("the f32 reference")
    peer.run("logits", "--model", reference_file(model, options.models), *common, paths["reference"], "--reference")
    say("comparing")
    files = {side: bench_logits.Logits(path) for side, path in paths.items()}
    results = {side: bench_logits.compare(files[side], files["reference"]) for side in ("ours", "theirs")}
    results["reference_perplexity"] = bench_logits.perplexity(files["reference"])
    difference = abs(told["perplexity"] / results["ours"]["perplexity"] - 1)
    if difference > 1e-4:
        sys.exit(f"error: e2llm reports a perplexity that is not that of its logits (off by {difference:.2%})")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder for the reference's file")
    parser.add_argument("--text", type=pathlib.Path, default=FOLDER / "bench_text.txt")
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--chunks", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    started = datetime.datetime.now(datetime.timezone.utc)
    about = call([options.binary, "version", "--json"])
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output) as folder:
        try:
            results = measure(options, options.model, pathlib.Path(folder))
        except Unsupported as reason:
            sys.exit(f"error: {options.model.name}: {reason}")
    ours, theirs, reference = results["ours"], results["theirs"], results["reference_perplexity"]
    report = {
        "measured_at": started.isoformat(timespec="seconds"), "version": about["version"], "model": options.model.stem,
        "context": options.context, **results,
        "targets": {
            "rms no worse than llama.cpp's": ours["rms_logit_error"] <= theirs["rms_logit_error"],
            "KL no worse than llama.cpp's": ours["mean_kl"] <= theirs["mean_kl"],
            "perplexity within 1 % of f32": abs(ours["perplexity"] / reference - 1) <= 0.01}}
    path = options.output / f"quality-{options.model.stem}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(bench_report.quality(report, bench_report.Markdown() if options.markdown else bench_report.Text()))
    say(f"wrote {path}")


if __name__ == "__main__":
    main()
