"""How long a cluster takes to start, and what it costs when nothing happens.

    python -m bench.start [--runs 3] [--idle 10]

Each run is a new profile in a home of its own: `navarch start` with everything installed and images built,
then hello-world. As root nodes are real. Prints seconds since the command began, and at the end PSS and CPU of
control plane and node agent over `--idle` seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from navarch.launch.api import Api
from navarch.launch.drivers import process
from navarch.launch.images.build import build
from navarch.launch.profile import Home

ROOT = Path(__file__).parents[1]
NAME = "bench"
#: The launcher itself asks more often; this must not take its share of the machine.
POLL_S = 0.02
#: What we want to stay below.
READYZ, NODE, RETURNS, PODS = "/readyz", "node Ready", "navarch start returns", "hello-world's pods available"
GOALS_S = {READYZ: 1.0, NODE: 3.0, RETURNS: 3.0, PODS: 6.0}
GOALS_IDLE = {"navarch.app.control_plane": (120, 1.0), "navarch.app.agent": (80, 1.0)}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Run:
    """One cluster, from nothing to deleted."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            "NAVARCH_HOME": str(home.root),
            "KUBECONFIG": str(home.root / "kubeconfig"),
            "PYTHONPATH": str(ROOT),
        }

    def navarch(self, *words: str) -> None:
        command = [sys.executable, "-m", "navarch.app.main", "-p", NAME, *words]
        subprocess.run(command, env=self.environment, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)

    def measure(self) -> dict[str, float]:
        """Seconds from the command to each milestone."""
        began = time.monotonic()
        starting = threading.Thread(target=self.navarch, args=("start",))
        starting.start()
        while (profile := self.home.load(NAME)) is None or not (self._pki / "admin.crt").exists():
            time.sleep(POLL_S)
        api = Api(profile, self.home.directory(NAME))
        milestones = {READYZ: api.is_ready, NODE: lambda: api.node_ready(NAME)}
        seconds = {}
        try:
            for milestone, reached in milestones.items():
                while not reached():
                    time.sleep(POLL_S)
                seconds[milestone] = time.monotonic() - began
        finally:
            starting.join()
        seconds[RETURNS] = time.monotonic() - began
        deploying = time.monotonic()
        self.navarch("kubectl", "--", "apply", "-f", str(ROOT / "docs" / "hello-world.yaml"))
        while _available(api) != 3:
            time.sleep(POLL_S)
        seconds[PODS] = time.monotonic() - deploying
        return seconds

    @property
    def _pki(self) -> Path:
        return self.home.directory(NAME) / "pki"

    def idle(self, seconds: float) -> list[str]:
        """Lines about each of our processes."""
        found = {
            name: each
            for name in GOALS_IDLE
            for each in process.with_argument([name])
            if str(self.home.root) in Path(f"/proc/{each.pid}/cmdline").read_text() and _is_python(each.pid)
        }
        before = {name: _cpu_s(each.pid) for name, each in found.items()}
        time.sleep(seconds)
        lines = []
        for name, each in found.items():
            share = (_cpu_s(each.pid) - before[name]) / seconds * 100
            memory, cpu = GOALS_IDLE[name]
            lines.append(
                f"{name}: PSS {_pss_mb(each.pid):.0f} MB (goal {memory}), CPU {share:.2f} % of a core (goal {cpu})"
            )
        return lines


def _available(api: Api) -> int:
    status, body = api.ask("/apis/apps/v1/namespaces/default/deployments/hello-world")
    return int(json.loads(body).get("status", {}).get("availableReplicas", 0)) if status == 200 else 0


def _is_python(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().startswith("python")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _pss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--idle", type=float, default=10.0)
    options = parser.parse_args()
    home = Home(Path(tempfile.mkdtemp(prefix="navarch-bench-")))
    build(home.images)
    results: list[dict[str, float]] = []
    try:
        for number in range(options.runs):
            run = Run(home)
            try:
                results.append(run.measure())
                if number == options.runs - 1:
                    print("\n".join(run.idle(options.idle)))
            finally:
                run.navarch("delete")
    finally:
        shutil.rmtree(home.root, ignore_errors=True)
    for milestone in results[0]:
        values = [result[milestone] for result in results]
        low, middle = min(values), statistics.median(values)
        print(f"{milestone}: min {low:.2f} s, median {middle:.2f} s, goal {GOALS_S[milestone]} s")


if __name__ == "__main__":
    main()
