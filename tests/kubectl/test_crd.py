"""Custom resources through kubectl: printed, patched, applied, edited, watched, described."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.kubectl.objects import custom, definition, listed
from tests.kubectl.site import Kubectl, Tree

pytestmark = pytest.mark.suite("crd_tests")


@dataclass
class Company:
    """Three custom resources of one group; the third's kind and plural have nothing in common."""

    k: Kubectl
    group: str

    def get(self, plural: str, name: str) -> Tree:
        return self.k.get(plural, name, f"{self.group}/v1")

    def names(self, plural: str) -> list[str]:
        return self.k.names(plural, group=f"{self.group}/v1")

    def object(self, kind: str, name: str, **fields: object) -> str:
        return self.k.write(f"{kind}-{name}.yaml", custom(kind, self.group, name, **fields))


@pytest.fixture
def company(k: Kubectl) -> Iterator[Company]:
    group = f"{k.namespace}.company.com"
    columns = [{"name": "Field", "type": "string", "jsonPath": ".someField"}]
    made = (
        definition("foos", group, "Foo", additionalPrinterColumns=columns, subresources={"status": {}}),
        definition("bars", group, "Bar"),
        definition("resources", group, "Kind", singular="resource"),
    )
    k("create -f", k.write("crds.yaml", *made))
    names = [f"crd/{plural}.{group}" for plural in ("foos", "bars", "resources")]
    k("wait --for=condition=Established", *names)
    yield Company(k, group)
    k("delete", *names)


def test_names_of_kinds(company: Company) -> None:
    k, group = company.k, company.group
    k("create -f", company.object("Kind", "myobj"))
    for word in ("resource", "resources", "kind"):
        assert k(f"get {word}.{group}/myobj -o name") == f"kind.{group}/myobj\n"
    k(f"delete resources.{group} myobj --cascade=background")
    assert company.names("resources") == []
    k("create -f", company.object("Foo", "test", someField="field1"))
    template = "--template={{range .items}}{{.metadata.name}}:{{end}}"
    for word in (f"foo.{group}", f"foos.{group}", f"foos.v1.{group}"):
        assert k(f"get {word}", template) == "test:"


def test_printers(company: Company) -> None:
    k, foos = company.k, f"foos.{company.group}"
    k("create -f", company.object("Foo", "test", someField="field1"))
    for word in (foos, f"{foos}/test"):
        for output in ("name", "wide", "json", "yaml"):
            assert "test" in k(f"get {word} -o {output}")
    table = k(f"get {foos}").splitlines()
    assert (table[0].split(), table[1].split()) == (["NAME", "FIELD"], ["test", "field1"])
    strict = "--allow-missing-template-keys=false"
    assert k(f"get {foos} {strict}", "-o=jsonpath={.items[*].someField}") == "field1"
    assert k(f"get {foos}/test {strict}", "-o=go-template={{.someField}}") == "field1"
    assert k(f"get {foos}/test -o name") == f"foo.{company.group}/test\n"


def test_patches(company: Company) -> None:
    k, foos = company.k, f"foos.{company.group}"
    k("create -f", company.object("Foo", "test", someField="field1"))
    for value in ("value1", "value2", None):
        k(f"patch {foos}/test --type=merge -p", json.dumps({"patched": value}))
        assert company.get("foos", "test").get("patched") == value
    file = k.write("local.json", text=k(f"get {foos}/test -o json"))
    patch = '{"patched":"value3"}'
    assert "try --type merge" in k.fails(f"patch --local -f {file} -p", patch)
    k(f"patch --local -f {file} --type=merge -o json -p", patch)
    assert "patched" not in company.get("foos", "test")
    k(f"patch --record -f {file} --type=merge -o json -p", patch)
    found = company.get("foos", "test")
    assert found["patched"] == "value3" and "kubernetes.io/change-cause" in found["metadata"]["annotations"]
    k(f"patch {foos}/test --subresource=status --type=merge -p", '{"status":{"a":"b"}}')
    assert company.get("foos", "test")["status"] == {"a": "b"}


def test_labels_and_description(company: Company) -> None:
    k, foos = company.k, f"foos.{company.group}"
    k("create -f", company.object("Foo", "test", someField="field1"))
    k(f"label {foos} --all listlabel=true")
    k(f"label {foos}/test itemlabel=true")
    k(f"annotate {foos} --all listannotation=true")
    k(f"annotate {foos}/test itemannotation=true")
    for word in (foos, f"{foos}/test"):
        described = k(f"describe {word}")
        assert "listlabel=true" in described and "itemlabel=true" in described and "Some Field:" in described
    k(f"delete {foos} test --cascade=background")
    assert company.names("foos") == []


def test_watch(company: Company) -> None:
    k, bars = company.k, f"bars.{company.group}"
    k("create -f", company.object("Bar", "test"))
    with k.running(f"get {bars} --request-timeout=1m -w -o name") as watch:
        assert watch.stdout is not None
        assert watch.stdout.readline() == f"bar.{company.group}/test\n"
        k(f"patch {bars}/test --type=merge -p", '{"patched":"1"}')
        assert watch.stdout.readline() == f"bar.{company.group}/test\n"
    k(f"delete {bars} test --cascade=orphan")
    assert company.names("bars") == []


def test_apply(company: Company) -> None:
    def apply(**nested: str) -> Tree:
        company.k("apply -f", company.object("Foo", "test", someField="field1", nestedField=nested))
        found = company.get("foos", "test")
        assert found["someField"] == "field1"
        inside: Tree = found["nestedField"]
        return inside

    both = {"someSubfield": "subfield1", "otherSubfield": "subfield2"}
    for _ in range(2):
        assert apply(**both) == both
    assert apply(someSubfield="modified", otherSubfield="subfield2") == {**both, "someSubfield": "modified"}
    assert apply(someSubfield="modified") == {"someSubfield": "modified"}
    assert apply(someSubfield="modified", newSubfield="subfield3")["newSubfield"] == "subfield3"


def test_apply_of_lists_and_pruning(company: Company) -> None:
    k, group = company.k, company.group

    def apply(value: str) -> None:
        items = [custom(kind, group, "test-list", someField=value) for kind in ("Foo", "Bar")]
        k("apply -f", k.write("list.yaml", listed(*items)))
        for plural in ("foos", "bars"):
            assert company.get(plural, "test-list")["someField"] == value

    apply("field1")
    apply("field1")
    apply("modifiedField")
    k("delete -f list.yaml")
    assert company.names("foos") == company.names("bars") == []
    label = {"pruneGroup": "true"}
    foo, bar = custom("Foo", group, "test"), custom("Bar", group, "test")
    foo["metadata"]["labels"] = bar["metadata"]["labels"] = label
    allow = f"--prune-allowlist={group}/v1/Foo --prune-allowlist={group}/v1/Bar"
    k(f"apply --prune -l pruneGroup=true {allow} -f", k.write("foo.yaml", foo))
    k(f"apply --prune -l pruneGroup=true {allow} -f", k.write("bar.yaml", bar))
    assert (company.names("foos"), company.names("bars")) == ([], ["test"])


def test_create_in_a_namespace_and_edit(company: Company) -> None:
    k, group = company.k, company.group
    other = f"{k.namespace}-crd"
    k(f"create namespace {other}")
    k(f"create --namespace {other} -f", company.object("Bar", "test"))
    assert k.names(f"{other}/bars", group=f"{group}/v1") == ["test"]
    k(f"delete namespace {other}")
    k("create -f", company.object("Foo", "test", someField="field1"))
    k(f"edit foos.{group}/test", KUBE_EDITOR=k.editor("field1", "field2"))
    assert company.get("foos", "test")["someField"] == "field2"


def test_validation(k: Kubectl) -> None:
    group = f"{k.namespace}.valid.com"
    item = {"type": "number"}
    schema = {"type": "object", "properties": {"spec": {"type": "array", "items": item}}}
    name = f"validfoos.{group}"
    k("create -f", k.write("crd.yaml", definition("validfoos", group, "ValidFoo", schema=schema)))
    k(f"wait --for=condition=Established crd/{name}")
    k("create -f", k.write("good.yaml", custom("ValidFoo", group, "good", spec=[1, 2.5])))
    said = k.fails("create -f", k.write("bad.yaml", custom("ValidFoo", group, "bad", spec=["a"])))
    assert 'spec[0]: Invalid value: "string": spec[0] in body must be of type number: "string"' in said
    said = k.fails("create -f", k.write("odd.yaml", custom("ValidFoo", group, "odd", specs=1)))
    assert 'strict decoding error: unknown field "specs"' in said
    k(f"delete crd {name}")
