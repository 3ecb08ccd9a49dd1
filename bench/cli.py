"""The CLI's wall and CPU time for one command, beside the Go kubectl if there is one.

    python -m bench.cli --kubeconfig FILE [--kubectl /usr/bin/kubectl] [--rounds 15]

Three ways in: our command line alone, through the launcher as users type it (`navarch kubectl -- …`), and the Go
kubectl. Runs them in turn and prints medians, so that both see the same machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bench-cli\ndata:\n  a: '1'\n"
#: Milliseconds of wall time that we want to stay below.
GOALS_MS = {"get pods": 60, "apply unchanged": 90, "version --client": 40}


def measure(command: list[str]) -> tuple[float, float]:
    """Wall and CPU milliseconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, cpu * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", default=os.environ.get("KUBECONFIG", ""))
    parser.add_argument("--kubectl", default=shutil.which("kubectl"))
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    config = ["--kubeconfig", options.kubeconfig] if options.kubeconfig else []
    programs = {
        "navarch.cli": [sys.executable, "-m", "navarch.cli", *config],
        "navarch kubectl": [sys.executable, "-m", "navarch.app.main", "kubectl", "--", *config],
    }
    if options.kubectl:
        programs["kubectl"] = [options.kubectl, *config]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(MANIFEST)
        file.flush()
        cases = {
            "get pods": ["get", "pods"],
            "apply unchanged": ["apply", "-f", file.name],
            "version --client": ["version", "--client"],
        }
        for name, arguments in cases.items():
            found: dict[str, list[tuple[float, float]]] = {program: [] for program in programs}
            for command in programs.values():
                measure([*command, *arguments])  # discovery is cached from here on
            for _ in range(options.rounds):
                for program, command in programs.items():
                    found[program].append(measure([*command, *arguments]))
            for program, times in found.items():
                wall = statistics.median(t[0] for t in times)
                cpu = statistics.median(t[1] for t in times)
                print(f"{name:18} {program:15} wall {wall:6.1f} ms   cpu {cpu:6.1f} ms   goal {GOALS_MS[name]} ms")


if __name__ == "__main__":
    main()
