"""A fleet under mixed load for minutes, and one at rest: what their processes hold afterwards, and what they use.

Load: chats and completions, streamed and not, and clients that leave in every phase of a request, several at a time. Every
answer must be the one that the same request got in a fleet that does nothing else. After the warm-up, at half of the time and
at the end the fleet is left alone until it rests: then no sequence may be left, no KV token reserved, descriptors and threads
(but two) may be no more than after the warm-up, and memory may have grown by max(4 MB, 3 %) a process since the half at most.
Idle: eight devices with nothing to do may use 2 % of one core in total, control plane included.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile
import time
import traceback

import soak_figures as figures
from cluster import Cluster, wait_for
from soak_clients import ASKED, Clients

MEGABYTE = 1 << 20
# Until a fleet that is left alone rests: connections of clients that left end, threads without work as well.
REST_SECONDS = 90


def grown(before, after):
    """Whether memory grew by more than allocators do by themselves."""
    return after - before > max(4 * MEGABYTE, 0.03 * before)


class Soak:
    def __init__(self, cluster, options):
        self.cluster = cluster
        self.clients = Clients(cluster.port, options.seed)
        self.problems = []

    def problem(self, text):
        self.problems.append(text)
        print(f"  problem: {text}", flush=True)

    def rest(self, title, descriptors_of=None):
        """Waits until nothing is in use any more and descriptors are at the values of `descriptors_of`; says what is not."""
        last = {}

        def left():
            last["in use"] = {name: value for name, value in figures.in_use(self.cluster).items() if value != 0}
            last["held"] = figures.held(self.cluster)
            return not last["in use"] and (descriptors_of is None or not differing(descriptors_of, last["held"]))
        begin = time.monotonic()
        try:
            wait_for(title, REST_SECONDS, left)
        except AssertionError:
            for name, value in last["in use"].items():
                self.problem(f"{title}: {name} is {value}")
            for text in differing(descriptors_of or {}, last["held"]):
                self.problem(f"{title}: {text}")
        print(f"{title}: at rest after {time.monotonic() - begin:.1f} s", flush=True)
        return last["held"]

    def memory(self, half, end):
        for name, after in end.items():
            before = half.get(name)
            for kind in ("rss", "anonymous"):
                if before and grown(before[kind], after[kind]):
                    self.problem(f"{name}: {kind} grew from {before[kind] / MEGABYTE:.1f} to {after[kind] / MEGABYTE:.1f} MB")


def differing(before, after):
    """Processes that are others, and descriptors and threads that are more."""
    told = [f"{name} ended" for name in before if name not in after]
    for name, now in after.items():
        then = before.get(name)
        if not before:
            continue
        if then is None:
            told.append(f"{name} is new")
        elif then["pid"] != now["pid"]:
            told.append(f"{name} was started again")
        else:
            if now["threads"] > then["threads"] + 2:
                told.append(f"{name}: {now['threads']} threads instead of {then['threads']}")
    # Fewer is no leak: Foundation keeps a run loop of three descriptors for every thread that has started a process,
    # until the pool, which ends threads that are idle, ends that one. It starts some, too, so that a few more are none.
    then, now = descriptors(before), descriptors(after)
    told += [f"{name}: {now[name]} descriptors instead of {then[name]}"
             for name in now if name in then and now[name] > then[name] + 2]
    return told


def descriptors(held):
    """File descriptors of each process; of both workers of a device together, because a new plan may give its stage, with the
    connections that this has, to the other one."""
    counts = {}
    for name, process in held.items():
        key = f"workers of {name.split()[-1]}" if "-worker" in name else name
        counts[key] = counts.get(key, 0) + process["descriptors"]
    return counts


def table(moments):
    """One line a process: memory, descriptors and threads at every moment."""
    names = list(moments)
    print(f"\n{'':28}" + "".join(f"{name:>36}" for name in names))
    print(f"{'process':28}" + f"{'RSS':>8}{'anon':>8}{'PSS':>8}{'FD':>6}{'thr':>6}" * len(names) + "   (MB)")
    for process in moments[names[-1]]:
        line = f"{process:28}"
        for name in names:
            held = moments[name].get(process)
            line += f"{'-':>36}" if held is None else "".join(
                f"{held[kind] / MEGABYTE:8.1f}" for kind in ("rss", "anonymous", "pss")) + (
                f"{held['descriptors']:6}{held['threads']:6}")
        print(line)


def load(options, folder):
    """The soak itself."""
    # Traffic that changes on purpose must not change the plan: the memory of workers is that of the layers that they hold.
    cluster = Cluster(options.binaries, options.model, options.fleet, folder, ["scheduler.drift_factor=1000"])
    soak = Soak(cluster, options)
    moments, plans = {}, {}
    try:
        cluster.start()

        def moment(name, compared=None):
            moments[name] = soak.rest(name, compared)
            plans[name] = figures.plan_of(cluster)
        moment("start")
        soak.clients.prepare()
        print(f"warm-up: {options.warm_up:.0f} s, {options.clients} clients, {len(ASKED)} answers are known", flush=True)
        soak.clients.run(options.warm_up, options.clients)
        moment("warm-up")
        for part in ("half", "end"):
            soak.clients.run(options.minutes * 30, options.clients)
            moment(part, moments["warm-up"])
        if plans["half"] == plans["end"]:
            soak.memory(moments["half"], moments["end"])
        else:
            print("another plan came into force meanwhile: memory is not compared", flush=True)
    except Exception as error:
        soak.problem(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    finally:
        cluster.stop()
    if soak.problems or soak.clients.failures:
        print(cluster.logs())
    if moments:
        table(moments)
    counts = dict(sorted(soak.clients.counts.items()))
    print("\nclients: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
          + f"; {len(soak.clients.failures)} answers were not right")
    return {"moments": moments, "clients": counts, "failures": soak.clients.failures, "problems": soak.problems,
            "plans": plans}


def eight_devices(path):
    """A fleet file of eight equal devices, prompts and answers computed apart."""
    lines = ["roles: split", "devices:"]
    for number in range(1, 9):
        lines += [f"  - id: device-{number}", "    threads: 1", "    compute_share: 0.25", "    memory_limit: 256M",
                  "    link_rate: 110M", "    link_latency_ms: 0.3"]
    path.write_text("\n".join(lines) + "\n")
    return path


def idle(options, folder):
    """Eight devices that have loaded everything and answered something, then nothing for a while."""
    cluster = Cluster(options.binaries, options.model, eight_devices(pathlib.Path(folder) / "eight.yaml"), folder)
    report = {"seconds": options.idle_seconds, "processes": {}, "problems": []}
    try:
        cluster.start()
        soak = Soak(cluster, options)
        soak.clients.prepare()
        soak.rest("idle")

        def used():
            return {pid: (name, figures.seconds_of_processor(pid), figures.wakes(pid))
                    for pid, name in figures.processes(cluster).items()}
        before, begin = used(), time.monotonic()
        time.sleep(options.idle_seconds)
        after, passed = used(), time.monotonic() - begin
        for pid, (name, seconds, woken) in after.items():
            _, earlier, slept = before.get(pid, (name, 0.0, 0))
            report["processes"][name] = {
                "percent": 100 * (seconds - earlier) / passed, "wakes_per_s": (woken - slept) / passed}
        report["problems"] += soak.problems
    except Exception as error:
        report["problems"].append(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    finally:
        cluster.stop()
    print(f"\n{'process':28}{'% of a core':>12}{'wakes/s':>10}")
    for name, used in sorted(report["processes"].items(), key=lambda item: -item[1]["percent"]):
        print(f"{name:28}{used['percent']:12.3f}{used['wakes_per_s']:10.1f}")
    report["percent"] = sum(used["percent"] for used in report["processes"].values())
    print(f"{'all':28}{report['percent']:12.3f}")
    if report["percent"] >= 2:
        report["problems"].append(f"an idle fleet of eight devices uses {report['percent']:.2f} % of one core")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--fleet", required=True)
    parser.add_argument("--minutes", type=float, default=10, help="of load after the warm-up; 0 leaves it out")
    parser.add_argument("--warm-up", type=float, default=60, help="seconds of the same load before")
    parser.add_argument("--clients", type=int, default=8, help="at a time")
    parser.add_argument("--idle", action="store_true", help="only the fleet at rest")
    parser.add_argument("--idle-seconds", type=float, default=60, help="of rest that are measured; 0 leaves it out")
    parser.add_argument("--output", help="a folder for soak.json")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    reports = {}
    for name, seconds, run in [("load", 0 if options.idle else options.minutes, load), ("idle", options.idle_seconds, idle)]:
        if seconds > 0:
            with tempfile.TemporaryDirectory(prefix="e2llm-soak-") as folder:
                reports[name] = run(options, folder)
    if options.output:
        folder = pathlib.Path(options.output)
        os.makedirs(folder, exist_ok=True)
        (folder / "soak.json").write_text(json.dumps(reports, indent=1) + "\n")
    bad = [text for report in reports.values() for text in report["problems"] + report.get("failures", [])]
    print("\n" + ("\n".join(["FAILED", *bad]) if bad else "passed"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
