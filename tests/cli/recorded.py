"""Recorded kubectl command lines, run with our CLI against our server, and what of the output agrees."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from navarch.cli.main import main

_NORMAL: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:LIVE|MERGED)-(?:<n>|\w+)"), "TEMP"),
    (re.compile(r"<rfc1123time>|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [-+]\d{4}(?: UTC)?"), "TIME"),
    (re.compile(r"<time>|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), "TIME"),
    (re.compile(r"<uid\d+>|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r'resourceVersion"?: "(?:<rv\d*>|\d+)"'), 'resourceVersion: "RV"'),
    (re.compile(r"<clusterIP\d*>|\b10\.96\.\d+\.\d+\b"), "CLUSTERIP"),
    (re.compile(r"<nodePort\d*>|\b3[0-2]\d{3}\b"), "NODEPORT"),
    (re.compile(r"-(?:<rand5>|[bcdfghjklmnpqrstvwxz2456789]{5}\b)"), "-RAND"),
    # Template hashes are a matter of the server.
    (re.compile(r"(?<=[-=])[bcdfghjklmnpqrstvwxz2456789]{8,10}\b"), "HASH"),
    (re.compile(r"Resource Version:\s+\d+"), "Resource Version: RV"),
    (re.compile(r"<age>|\b(?:\d+[ydhms]){1,2}\b"), "AGE"),
    (re.compile(r"<server>|http://127\.0\.0\.1:\d+"), "SERVER"),
    (re.compile(r"<jwt>|eyJ[\w-]+\.[\w-]+\.[\w-]+"), "JWT"),
    (re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@"), "@@ @@"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"[-=]{3,}"), "---"),
    (re.compile(r" +$", re.MULTILINE), ""),
)


def normal(text: str, directory: str) -> list[str]:
    """The lines with everything that differs from run to run made the same."""
    text = text.replace(directory, "<dir>").replace("<dir>/pki", "<pki>")
    for pattern, replacement in _NORMAL:
        text = pattern.sub(replacement, text)
    return text.strip().split("\n")


def run(record: dict[str, Any], directory: Path) -> tuple[str, str, int]:
    """Run one recorded command in the directory; stdout, stderr, exit code."""
    for name, content in (record.get("files") or {}).items():
        (directory / name).write_text(content)
    config = record.get("kubeconfig", "kubeconfig")  # in the working directory: some messages name the file
    path = f"{_editor(directory)}:/usr/bin:/bin"
    env = {"HOME": str(directory), "KUBECONFIG": config, "PATH": path, **(record.get("env") or {})}
    argv = [arg.replace("<dir>", str(directory)) for arg in record["argv"]]
    out, err = io.StringIO(), io.StringIO()
    code = main(argv, env, stdin=io.StringIO(record.get("stdin") or ""), out=out, err=err)
    return out.getvalue(), err.getvalue(), code


def _editor(directory: Path) -> Path:
    """A directory with a `vi` that changes nothing: what the real one does where there is no terminal."""
    place = directory / "bin"
    if not place.exists():
        place.mkdir()
        (place / "vi").symlink_to("/bin/true")
    return place


def difference(record: dict[str, Any], found: tuple[str, str, int], directory: Path) -> str:
    """What does not agree; empty if all does."""
    for what, text in (("stdout", found[0]), ("stderr", found[1])):
        wanted, given = normal(record[what], str(directory)), normal(text, str(directory))
        if wanted != given:
            i = next(
                (i for i, (a, b) in enumerate(zip(wanted, given, strict=False)) if a != b), min(len(wanted), len(given))
            )
            return f"{what} line {i + 1}: {wanted[i : i + 1]} expected, {given[i : i + 1]} found"
    return "" if record["exit"] == found[2] else f"exit {record['exit']} expected, {found[2]} found"
