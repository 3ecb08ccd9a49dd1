from __future__ import annotations

import re
from typing import Any

import pytest

from navarch.api.catalog import KINDS, by_bucket, lookup
from navarch.api.kind import Kind
from navarch.schema import facts
from tests.api.corpus import document, needs_corpus


def resources(kind: Kind) -> list[dict[str, Any]]:
    """What discovery says of a kind, in the order of its own list."""
    own: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        own["shortNames"] = list(kind.short_names)
    if kind.categories:
        own["categories"] = list(kind.categories)
    if kind.storage_version_hash:
        own["storageVersionHash"] = kind.storage_version_hash
    listed = [own]
    for sub in kind.subresources:
        entry: dict[str, Any] = {
            "name": f"{kind.plural}/{sub.name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        if sub.version:
            entry |= {"group": sub.group, "version": sub.version}
        listed.append(entry)
    return listed


def discovery_file(group: str, version: str) -> str:
    return f"discovery/apis_{group}_{version}.json" if group else f"discovery/api_{version}.json"


GROUP_VERSIONS = sorted({(kind.group, kind.version) for kind in KINDS})


@needs_corpus
@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_kinds_are_those_of_recorded_discovery(group: str, version: str) -> None:
    recorded = {r["name"]: r for r in document(discovery_file(group, version))["resources"]}
    ours = {r["name"]: r for k in KINDS if (k.group, k.version) == (group, version) for r in resources(k)}
    assert ours == recorded


def test_every_kind_is_found_by_path() -> None:
    assert len(KINDS) == 68
    assert all(lookup(kind.group, kind.version, kind.plural) is kind for kind in KINDS)
    assert lookup("apps", "v1", "pods") is None


def test_bucket_names_the_stored_form() -> None:
    found = by_bucket("events")
    assert found is not None and (found.group, found.kind) == ("", "Event")
    assert by_bucket("nothing") is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.kind}.{k.group}.{k.version}")
def test_a_kind_with_a_status_subresource_guards_its_status(kind: Kind) -> None:
    has_status = any(sub.name == "status" for sub in kind.subresources)
    assert (kind.prepare_status is not None) == has_status
    assert (kind.prepare_update is not None) or not has_status


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.kind}.{k.group}.{k.version}")
def test_stored_kinds_have_columns_and_names_in_order(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z]+", kind.plural)
    if "get" in kind.verbs:
        assert any(column.format == "name" for column in kind.columns), "no Name column"


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.kind}.{k.group}.{k.version}")
def test_the_type_of_a_kind_is_in_the_fact_tables(kind: Kind) -> None:
    assert facts.load().type_name(kind.api_version, kind.kind) == kind.type_name
