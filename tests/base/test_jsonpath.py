from typing import Any

import pytest

from navarch.base.jsonpath import JsonPathError, compile, relaxed, show

TREE: dict[str, Any] = {
    "kind": "List",
    "items": [
        {"metadata": {"name": "a", "labels": {"x.io/y": "1"}}, "n": 1, "ok": True, "ports": [80, 443]},
        {"metadata": {"name": "b"}, "n": 2, "ok": False, "ports": []},
        {"metadata": {"name": "c"}, "n": 3, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    ],
}


@pytest.mark.parametrize(
    ("template", "output"),
    [
        ("{.kind}", "List"),
        ("{$.kind}", "List"),
        ("kind: {.kind}!", "kind: List!"),
        ("{.items[*].metadata.name}", "a b c"),
        ("{.items[0].metadata.name}", "a"),
        ("{.items[-1].metadata.name}", "c"),
        ("{.items[0:2].metadata.name}", "a b"),
        ("{.items[0:3:2].metadata.name}", "a c"),
        ("{.items[0,2].metadata.name}", "a c"),
        ("{.items[*]['metadata.name','n']}", "a b c 1 2 3"),
        (r"{.items[0].metadata.labels.x\.io/y}", "1"),
        (r"{.items[0].metadata.labels['x\.io/y']}", "1"),
        ("{.items[1].metadata}", '{"name":"b"}'),
        ("{.items[0].ports}", "[80,443]"),
        ("{.items[0].ports[*]}", "80 443"),
        ("{.items[1].ports[*]}", ""),
        ("{.items[0].ok}", "true"),
        ('{.items[?(@.metadata.name=="b")].n}', "2"),
        ("{.items[?(@.n>1)].metadata.name}", "b c"),
        ("{.items[?(@.n!=2)].metadata.name}", "a c"),
        ("{.items[?(@.status)].metadata.name}", "c"),
        ("{.items[?(@.ok==true)].n}", "1"),
        ('{.items[2].status.conditions[?(@.type=="Ready")].status}', "True"),
        ("{..name}", "a b c"),
        ("{.nope}", ""),
        ("{.items[*].nope.deeper}", ""),
        ('{range .items[*]}{.metadata.name}={.n}{"\\n"}{end}done', "a=1\nb=2\nc=3\ndone"),
        ("{range .items[*]}[{range .ports[*]}<{@}>{end}]{end}", "[<80><443>][][]"),
        ("{range .nope[*]}{.x}{end}", ""),
        ("{'quoted'}", "quoted"),
        ("{.items[*].metadata.*}", 'a {"x.io/y":"1"} b c'),
    ],
)
def test_render(template: str, output: str) -> None:
    assert compile(template).render(TREE) == output


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.bogus", "unclosed action"),
        ("{.a[0}", "unterminated array"),
        ("{.a[x]}", "invalid array index x"),
        ("{'a}", "unterminated quoted string"),
        ("{end}", "not in range, nothing to end"),
        ("{bogus}", "unrecognized identifier bogus"),
        ("{.a[?(@.b]}", "unterminated filter"),
        ("{#}", "unrecognized character in action: U+0023 '#'"),
    ],
)
def test_templates_that_do_not_parse(template: str, message: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        compile(template)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.nope}", "nope is not found"),
        ("{.items[7]}", "array index out of bounds: index 7, length 3"),
        ("{.kind[0]}", "List is not array or slice"),
        ('{.items[?(@.n=="1")]}', "incompatible types for comparison"),
    ],
)
def test_templates_that_do_not_fit(template: str, message: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        compile(template, strict=True).render(TREE)
    assert str(caught.value) == message


def test_json_output() -> None:
    assert compile("{.items[0].ports}").render_json(TREE) == "[\n    [\n        80,\n        443\n    ]\n]\n"


def test_bare_paths() -> None:
    assert [relaxed(t) for t in ("a.b", ".a.b", "{a.b}", "{.a.b}")] == ["{.a.b}"] * 4
    with pytest.raises(JsonPathError):
        relaxed("{a}{b}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (1e-5, "1e-05"),
        (None, "null"),
        ({"b": "<", "a": 1}, '{"a":1,"b":"\\u003c"}'),
    ],
)
def test_values_as_go_prints_them(value: Any, text: str) -> None:
    assert show(value) == text
