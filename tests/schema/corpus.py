"""The recorded answers of a real API server, for tests that compare with them.

The directory comes from NAVARCH_CORPUS; tests skip where it is absent.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.recordings import DIRECTORY

needs_corpus = pytest.mark.skipif(not DIRECTORY.is_dir(), reason=f"no recorded answers in {DIRECTORY}")

#: Placeholders of numbers and times, as values that decode.
_VALUES = {"<time>": "2026-11-20T10:00:00Z", "<pem>": "cGVt", "<jwt>": "jwt"}
_NODE_PORT = re.compile(r'"<nodePort(\d+)>"')


def records(name: str) -> Iterator[dict[str, Any]]:
    """The records of one file, placeholders filled in."""
    path = DIRECTORY / name
    if not path.exists():
        return
    raw = path.read_bytes()
    for line in (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode().splitlines():
        for placeholder, value in _VALUES.items():
            line = line.replace(placeholder, value)
        yield json.loads(_NODE_PORT.sub(r"3000\1", line))


def api_version(path: str) -> str:
    """The group and version that a request path addresses."""
    parts = path.strip("/").split("/")
    return parts[1] if parts[0] == "api" else f"{parts[1]}/{parts[2]}"


def body(request: dict[str, Any]) -> bytes:
    """The bytes that were sent."""
    raw = request.get("rawBody")
    return raw.encode() if raw is not None else json.dumps(request["body"], separators=(",", ":")).encode()
