"""Runs the two engines that scripts/bench compares, each measurement in a process of its own."""
import json
import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent


class Unsupported(Exception):
    """The engine does not have what a file needs."""


def call(arguments, text=None):
    result = subprocess.run([str(a) for a in arguments], input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines()
        message = next((line for line in lines if line.startswith("error: ")), lines[-1] if lines else "it said nothing")
        if "not supported" in message:
            raise Unsupported(message.removeprefix("error: "))
        raise SystemExit(f"error: {' '.join(map(str, arguments))}: {message.removeprefix('error: ')}")
    return json.loads(result.stdout)


class Engine:
    """`e2llm bench engine` of the built binary."""

    def __init__(self, binary):
        self.binary = binary

    def measure(self, configuration):
        """Tokens per second by metric, and what the run told about itself."""
        prompt = configuration["prefill"]
        told = call([
            self.binary, "bench", "engine", "--json", "--model", configuration["model"],
            "--threads", configuration["threads"], "--prompt", prompt, "--generate", configuration["steps"],
            "--batch", ",".join(map(str, configuration["batches"])), "--context", configuration["context"],
            "--repetitions", 1])
        rates = {f"prefill {prompt}": told["prefill_tokens_per_s"]}
        for entry in told["decode"]:
            rates[f"decode batch {entry['batch']}"] = entry["tokens_per_s"]
        return rates, told


class Peer:
    """llama.cpp through bench_llama.py, with the settings that proved fastest for it."""

    def __init__(self, python):
        self.python = python
        self.chosen = {}
        self.version = None

    def run(self, verb, *arguments, text=None):
        return call([self.python, FOLDER / "bench_llama.py", verb, *arguments], text)

    def tune(self, name, configuration):
        """Tries its settings once for each metric of a configuration and keeps the fastest."""
        tried = []
        for metric, job in jobs(configuration):
            tried += [(metric, {**job, **variant}) for variant in variants(job)]
        few = {"steps": 6}  # enough to tell settings apart
        rates = self._speed(configuration, [{**job, **few} for _, job in tried])
        best = {}
        for (metric, job), rate in zip(tried, rates):
            if metric not in best or rate > best[metric][0]:
                best[metric] = (rate, job)
        self.chosen[name] = {metric: job for metric, (_, job) in best.items()}

    def measure(self, name, configuration):
        jobs = self.chosen[name]
        return dict(zip(jobs, self._speed(configuration, list(jobs.values()))))

    def _speed(self, configuration, jobs):
        told = self.run(
            "speed", "--model", configuration["model"], "--threads", configuration["threads"], text=json.dumps(jobs))
        self.version, self.system = told["version"], told["system"]
        return [result["tokens_per_s"] for result in told["results"]]


def jobs(configuration):
    """What the peer is to measure for a configuration, by metric."""
    prompt = configuration["prefill"]
    yield f"prefill {prompt}", {"kind": "prefill", "tokens": prompt}
    for batch in configuration["batches"]:
        yield f"decode batch {batch}", {
            "kind": "decode", "batch": batch, "context": configuration["context"], "steps": configuration["steps"]}


def variants(job):
    """The settings among which the peer gets the fastest."""
    if job["kind"] == "prefill":
        return [{"flash": flash, "ubatch": 512} for flash in (False, True)]
    caches = [False, True] if job["batch"] > 1 else [False]
    return [{"flash": flash, "unified": unified} for flash in (False, True) for unified in caches]
