"""One seed, one history: in any process, whatever order hashing gives to sets of strings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
from navarch.testing.seeds import play
print([play(seed).event_hash for seed in (1, 4, 10)])
"""


def history(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_two_processes_have_the_same_history():
    first = history("1")
    assert len(first) > 100
    assert first == history("2")
