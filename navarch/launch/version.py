"""Which navarch this is."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path


def version() -> str:
    try:
        return metadata.version("navarch")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def commit() -> str:
    """The commit of a clone, `unknown` elsewhere."""
    command = ["git", "-C", str(Path(__file__).parents[2]), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
