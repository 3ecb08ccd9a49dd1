"""Validation against recorded refusals: the share of exact answers per kind may only grow.

`floors.json` holds the share, in per mille, that each kind has reached. Run with
NAVARCH_UPDATE_FLOORS=1 to raise it after an improvement.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from navarch.api.kind import Kind
from navarch.api.validation.objects import create_errors, update_errors
from navarch.base.field import FieldError
from navarch.schema.decode import DecodeError
from navarch.schema.types import Tree
from tests.api.corpus import CORPUS, needs_corpus, records
from tests.api.recorded import admit, created, decoded, split

FLOORS = Path(__file__).with_name("floors.json")
_NOW = "2026-11-20T00:00:00Z"
_ADDRESS = "10.96.0.77"
#: Faults of query parameters, not of objects.
_OPTIONS = ("dryRun", "fieldManager", "fieldValidation")
Answer = Counter[tuple[str, str, str]]


def test_no_kind_falls_below_its_floor() -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"no recorded corpus at {CORPUS}")
    reached = shares()
    if os.environ.get("NAVARCH_UPDATE_FLOORS"):
        FLOORS.write_text(json.dumps(reached, indent=1, sort_keys=True) + "\n")
    floors = json.loads(FLOORS.read_text())
    fallen = {kind: (reached.get(kind, 0), floor) for kind, floor in floors.items() if reached.get(kind, 0) < floor}
    assert not fallen


@needs_corpus
def test_what_the_server_accepts_is_accepted() -> None:
    refused = {}
    for record in records("accepted_mutations.jsonl"):
        if record["response"]["status"] in (200, 201) and (found := refusal(record)):
            refused[record["id"]] = sorted(found)
    assert not refused


def shares() -> dict[str, int]:
    """Exactly answered refusals per kind, in per mille."""
    total: dict[str, int] = defaultdict(int)
    exact: dict[str, int] = defaultdict(int)
    for record in records("invalid.jsonl.gz"):
        if (wanted := recorded_answer(record)) and (ours := refusal(record)) is not None:
            total[record["kind"]] += 1
            exact[record["kind"]] += ours == wanted
    return {kind: exact[kind] * 1000 // total[kind] for kind in total}


def recorded_answer(record: dict[str, Any]) -> Answer | None:
    body = record["response"]["body"]
    if record["response"]["status"] != 422 or not isinstance(body, dict):
        return None
    causes = (body.get("details") or {}).get("causes") or ()
    if any(c.get("field") in _OPTIONS for c in causes):
        return None
    return Counter((c.get("reason", ""), _masked(c.get("message", "")), c.get("field", "")) for c in causes)


def refusal(record: dict[str, Any]) -> Answer | None:
    """Our errors for a creation or a replacement; None where the record is about something else."""
    request = record["request"]
    found = split(request["path"])
    body = request.get("body")
    if found is None or not isinstance(body, dict) or request["method"] not in ("POST", "PUT"):
        return None
    kind, _, subresource = found
    if subresource or not kind.storage_version_hash or not isinstance(body.get("metadata", {}), dict):
        return None
    try:
        errors = _errors(kind, record, filled(body))
    except DecodeError:
        return Counter()  # a wrong type: the decoder's affair
    return Counter((e.reason, _masked_own(e), e.path) for e in errors)


def filled(body: Tree) -> Tree:
    """The body with values for the recording's placeholders."""
    text = json.dumps(body)
    values = {"<rand5>": "xxxxx", "<time>": _NOW, "<uid1>": "uid1", "<clusterIP1>": _ADDRESS, "<clusterIP2>": _ADDRESS}
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    text = re.sub(r'"<nodePort(\d)>"', r"3000\1", text)
    tree: Tree = json.loads(text)
    return tree


def _errors(kind: Kind, record: dict[str, Any], body: Tree) -> list[FieldError]:
    parts = record["request"]["path"].split("?")[0].split("/namespaces/")
    namespace = parts[1].split("/")[0] if kind.namespaced and len(parts) > 1 else ""
    body["metadata"] = dict(body.get("metadata") or {})
    if namespace:
        body["metadata"].setdefault("namespace", namespace)
    if record["request"]["method"] == "POST":
        if not body["metadata"].get("name") and (prefix := body["metadata"].get("generateName")):
            body["metadata"]["name"] = f"{prefix}xxxxx"
        tree = created(kind, body, _NOW)
        return create_errors(kind, tree)
    old = _old(kind, record, namespace)
    decoded(kind, body)
    body["metadata"] = {**_system(old["metadata"]), **body["metadata"]}
    if kind.prepare_update:
        kind.prepare_update(body, old)
    return update_errors(kind, body, old)


def _old(kind: Kind, record: dict[str, Any], namespace: str) -> Tree:
    """The object that the last POST in `pre` made, with the placeholders that the request shows."""
    posts = [r for r in record.get("pre") or () if r["method"] == "POST" and split(r["path"])[0] is kind]  # type: ignore[index]
    tree = copy.deepcopy(posts[-1]["body"])
    tree["metadata"] = dict(tree.get("metadata") or {})
    if namespace:
        tree["metadata"].setdefault("namespace", namespace)
    old = created(kind, tree, _NOW)
    if kind.kind == "Pod":
        admit(old)
    if kind.kind == "Service" and (body := record["request"]["body"].get("spec")):
        allocated = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if "healthCheckNodePort" in body:
            old["spec"]["healthCheckNodePort"] = 30002
        old["spec"] |= {key: filled(body)[key] for key in allocated if key in body and key not in old["spec"]}
    asked = record["request"]["body"].get("metadata") or {}
    old["metadata"]["uid"] = "uid1"
    if not old["metadata"].get("name"):
        old["metadata"]["name"] = asked.get("name", "")
    return old


def _system(metadata: Tree) -> Tree:
    keys = ("uid", "creationTimestamp", "name", "namespace")
    return {key: metadata[key] for key in keys if key in metadata}


def _masked_own(error: FieldError) -> str:
    if error.detail == "field is immutable" and error.path.endswith("template"):
        return "Invalid value: (a template in Go's form): field is immutable"
    return _masked(error.message)


def _masked(message: str) -> str:
    """Without what differs from run to run: placeholders, and the dump of differences after a line's end."""
    message = message.split("\n")[0]
    for shown in ("<clusterIP1>", "<clusterIP2>"):
        message = message.replace(shown, _ADDRESS)
    if message.endswith(": field is immutable") and '"Spec":' in message:
        return "Invalid value: (a template in Go's form): field is immutable"
    return message.replace("<rand5>", "xxxxx").replace("<uid1>", "uid1")
