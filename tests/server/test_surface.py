"""Every stable resource of Kubernetes 1.36 with its verbs, subresources, names, selectable fields and columns.

`surface.csv` holds the facts, one row per resource. Source: the published API reference and discovery of 1.36,
the printers' column names, the field label conversions of each kind.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.peer import Peer

Row = dict[str, str]

ROWS: list[Row] = list(csv.DictReader(Path(__file__).with_name("surface.csv").read_text().splitlines()))
EVERY_VERB = "create|delete|deletecollection|get|list|patch|update|watch"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"
#: Verb -> how it is asked, and whether of one object.
ASKED = {
    "create": ("POST", False),
    "delete": ("DELETE", True),
    "deletecollection": ("DELETE", False),
    "get": ("GET", True),
    "list": ("GET", False),
    "patch": ("PATCH", True),
    "update": ("PUT", True),
}

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['group'] or 'core'}/{row['plural']}")


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    peer = Peer(signs=True)
    yield peer
    peer.close()


def root(row: Row) -> str:
    return f"/apis/{row['group']}/{row['version']}" if row["group"] else "/api/v1"


def collection(row: Row) -> str:
    namespace = "/namespaces/default" if row["namespaced"] == "true" else ""
    return f"{root(row)}{namespace}/{row['plural']}"


def verbs(row: Row) -> list[str]:
    return (EVERY_VERB if row["verbs"] == "all" else row["verbs"]).split("|")


def subresources(row: Row) -> Iterator[tuple[str, str, list[str]]]:
    """(name, group/version and kind, verbs)"""
    for name, what, verbs in re.findall(r"(\w+)\[([^:]+):([^\]]+)\]", row["subresources"]):
        yield name, what, verbs.split("|")


def test_no_row_is_missing(peer: Peer) -> None:
    assert len(ROWS) == 68
    served = {
        (s.kind.group, s.kind.version, s.kind.plural)
        for s in peer.server.resources
        if s.builtin and s.group != "metrics.k8s.io"
    }
    assert served == {(row["group"], row["version"], row["plural"]) for row in ROWS}


@every_row
def test_discovery_tells_it(peer: Peer, row: Row) -> None:
    listed = {each["name"]: each for each in peer.get(root(row))["resources"]}
    found = listed[row["plural"]]
    assert (found["kind"], found["namespaced"]) == (row["kind"], row["namespaced"] == "true")
    assert found["verbs"] == verbs(row)
    assert found.get("shortNames", []) == [name for name in row["shortnames"].split("|") if name]
    assert found.get("categories", []) == [name for name in row["categories"].split("|") if name]
    told = {}
    for name, each in listed.items():
        if name.startswith(row["plural"] + "/"):
            version = "/".join(part for part in (each.get("group", ""), each.get("version", "")) if part)
            told[name.partition("/")[2]] = (f"{version} {each['kind']}".strip(), each["verbs"])
    assert told == {name: (what, verbs) for name, what, verbs in subresources(row)}


def is_refused(peer: Peer, method: str, path: str) -> bool:
    """Whether a method is not for a path. Nothing is there, and what is sent is nothing: other errors do not count."""
    media = MERGE if method == "PATCH" else "application/json"
    response = peer.send(method, path, {} if method in ("POST", "PUT", "PATCH") else None, media)
    if response.status == 404:
        return bool(json.loads(response.body)["message"] == "the server could not find the requested resource")
    return response.status == 405


@every_row
def test_each_verb_is_answered_and_no_other(peer: Peer, row: Row) -> None:
    for verb, (method, named) in ASKED.items():
        path = collection(row) + ("/nothing-of-this-name" if named else "?labelSelector=no%3Dbody")
        assert is_refused(peer, method, path) == (verb not in verbs(row)), verb


@every_row
def test_each_subresource_is_answered(peer: Peer, row: Row) -> None:
    for name, _, allowed in subresources(row):
        path = f"{collection(row)}/nothing-of-this-name/{name}"
        for verb in ("create", "delete", "get", "patch", "update"):
            assert is_refused(peer, ASKED[verb][0], path) == (verb not in allowed), (name, verb)
    assert is_refused(peer, "GET", f"{collection(row)}/nothing-of-this-name/nosuch")


@every_row
def test_objects_are_selected_by_these_fields_alone(peer: Peer, row: Row) -> None:
    if "list" not in verbs(row) or row["plural"] == "componentstatuses":
        return
    own = [field for field in row["fields"].split("|") if field]
    place = ["metadata.namespace"] if row["namespaced"] == "true" or not own else []
    for field in [*own, *place, "metadata.name"]:
        assert peer.send("GET", f"{collection(row)}?fieldSelector={field}%3Dx").status == 200, field
    for field in {"metadata.uid", "metadata.namespace", "spec.nodeName", "status.phase"} - {*own, *place}:
        code, text = peer.refused("GET", f"{collection(row)}?fieldSelector={field}%3Dx")
        known = 'only "metadata.name", "metadata.namespace"'
        other = f"field label not supported: {field}" if own else f'"{field}" is not a known field selector: {known}'
        assert (code, text) == (400, other)


@every_row
def test_tables_have_these_columns(peer: Peer, row: Row) -> None:
    if "list" not in verbs(row):
        return
    table: Any = peer.get(collection(row), accept=TABLE)
    columns = [each["name"] + ("*" if each["priority"] else "") for each in table["columnDefinitions"]]
    assert columns == row["columns"].split("|")


@every_row
def test_only_what_is_deprecated_warns(peer: Peer, row: Row) -> None:
    if "list" not in verbs(row):
        return
    warnings = [value for name, value in peer.send("GET", collection(row)).headers if name == "Warning"]
    deprecated = {
        "endpoints": '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
        "componentstatuses": '299 - "v1 ComponentStatus is deprecated in v1.19+"',
    }
    assert warnings == ([deprecated[row["plural"]]] if row["plural"] in deprecated else [])
