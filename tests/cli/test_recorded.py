"""How many of the recorded kubectl commands answer the same here: the share must not fall below the floor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.recorded import difference, run
from tests.cli.server import running
from tests.corpus.replay import directory, records

FLOOR = Path(__file__).with_name("recorded_floor.json")
#: Help pages and completion scripts are our own prose and code; there is nothing to compare.
_OWN = ("--help", "completion", "options")


_GROUPS = ("auth", "config", "rollout", "set")


def _own_words(record: dict[str, Any]) -> bool:
    return any(word in record["argv"] for word in _OWN) or record["argv"] in ([group] for group in _GROUPS)


def test_recorded_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (directory() / "kubectl.jsonl").exists():
        pytest.skip("no recordings: set NAVARCH_CORPUS")
    monkeypatch.chdir(tmp_path)
    compared = 0
    misses: dict[str, str] = {}
    with running(tmp_path):
        for record in sorted(records("kubectl"), key=lambda r: r["step"]):
            if _own_words(record):
                continue
            try:
                found = run(record, tmp_path)
            except Exception as error:
                found = ("", f"{type(error).__name__}: {error}", -1)
            if record.get("heldOut"):
                continue
            compared += 1
            wrong = difference(record, found, tmp_path)
            if wrong:
                misses[f"{record['step']} {' '.join(record['argv'])}"] = wrong
    share = (compared - len(misses)) / compared
    report = os.environ.get("NAVARCH_RECORDED_REPORT")
    if report:
        Path(report).write_text(json.dumps({"compared": compared, "share": share, "misses": misses}, indent=1))
    floor = json.loads(FLOOR.read_text())["share"]
    assert share >= floor, (
        f"{share:.3f} of {compared} agree, {floor} did before; first misses: {list(misses.items())[:5]}"
    )
