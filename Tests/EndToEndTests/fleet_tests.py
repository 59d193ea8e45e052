"""Runs the tests of a module against one real fleet."""
import argparse
import sys
import tempfile
import time
import traceback

from cluster import Cluster


def call(tests, arguments, purpose, settings=()):
    """Calls tests, (name, function) each, with a cluster that is started for them; how many passed and failed."""
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix=f"e2llm-{purpose}-") as folder:
        cluster = Cluster(arguments.binaries, arguments.model, arguments.fleet, folder, settings)
        try:
            started = time.monotonic()
            cluster.start()
            print(f"ready after {time.monotonic() - started:.1f} s", flush=True)
            for name, test in tests:
                started = time.monotonic()
                try:
                    test(cluster)
                    passed += 1
                    print(f"passed {name} ({time.monotonic() - started:.1f} s)", flush=True)
                except Exception:
                    failed += 1
                    print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
            cluster.stop()
        except Exception:
            failed += 1
            traceback.print_exc()
        finally:
            if failed:
                print(cluster.logs())
            if hasattr(cluster, "process") and cluster.process.poll() is None:
                cluster.process.terminate()
                cluster.process.wait(timeout=40)
    return passed, failed


def chosen(names, only):
    """The tests among a module's names."""
    return [(name, test) for name, test in names.items() if name.startswith("test_") and only in name]


def end(passed, failed):
    """Says how it went and ends the process."""
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def run(names, purpose, settings=()):
    """Calls every `test_...` of a module's names with the started cluster, and ends the process."""
    parser = argparse.ArgumentParser()
    for name in ["binaries", "model", "fleet"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    end(*call(chosen(names, arguments.only), arguments, purpose, settings))
