"""The examples that are tests themselves pass, each in a process of its own as their readers run them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

#: Where the package is installed, its entry point names the plugin.
INSTALLED = any(point.name == "navarch" for point in entry_points(group="pytest11"))
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("test_*.py")), ids=lambda path: path.stem)
def test_example(example):
    plugin = [] if INSTALLED else ["-p", "navarch.testing.plugin"]
    command = [sys.executable, "-m", "pytest", "-W", "default", *plugin, str(example)]
    done = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
