"""Kubernetes' own functions in CEL, and what is rewritten into what the runtime has."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.schema.cel import CelError, evaluate
from navarch.schema.cel_rewrite import rewrite

TRUE = [
    "quantity('1000m') == quantity('1')",
    "quantity('1Gi').isGreaterThan(quantity('1G'))",
    "quantity('50k').add(20).asInteger() == 50020",
    "quantity('50k').sub(quantity('20k')).compareTo(quantity('30k')) == 0",
    "quantity('-1').sign() == -1 && !quantity('1.5').isInteger()",
    "quantity('0.5').asApproximateFloat() == 0.5",
    "isQuantity('1.3Gi') && !isQuantity('200K')",
    "semver('1.2.3').isLessThan(semver('1.10.0'))",
    "semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && semver('1.0.0-2').compareTo(semver('1.0.0-10')) == -1",
    "semver('v1.2', true).patch() == 0 && !isSemver('v1.2') && isSemver('v1', true)",
    "url('https://user@example.com:80/a b?x=1&x=2').getHost() == 'example.com:80'",
    "url('https://[::1]:80/').getHostname() == '::1'",
    "url('https://example.com/a b?x=1&x=2').getQuery()['x'] == ['1', '2']",
    "url('https://example.com/with space/').getEscapedPath() == '/with%20space/'",
    "isURL('/absolute') && !isURL('no') && url('/x').getPort() == ''",
    "ip('::1').family() == 6 && ip('127.0.0.1').isLoopback() && !ip('10.0.0.1').isUnspecified()",
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('fe80::1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast()",
    "ip.isCanonical('::1') && !ip.isCanonical('0:0:0:0:0:0:0:1') && !isIP('::ffff:1.2.3.4') && isIP('1.2.3.4')",
    "cidr('10.0.0.0/8').containsIP('10.1.1.1') && cidr('10.0.0.0/8').containsIP(ip('10.1.1.1'))",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/8').containsCIDR(cidr('fd00::/8'))",
    "cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')",
    "cidr('10.1.2.3/8').prefixLength() == 8 && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
    "!format.dns1123Label().validate('a-b').hasValue() && format.dns1123Label().validate('A').hasValue()",
    "format.named('uuid').validate('x').value() == ['invalid uuid']",
    "[3, 1, 2].sort() == [1, 2, 3] && [1, 2, 3].isSorted() && ![2, 1].isSorted() && [1, 2].sum() == 3",
    "[1, 2, 1].lastIndexOf(1) == 2 && [1, 2].indexOf(3) == -1 && [1, 2].min() == 1 && [1, 2].max() == 2",
    "[1, [2, [3]]].flatten() == [1, 2, [3]] && [1, [2, [3]]].flatten(2) == [1, 2, 3]",
    "[1, 1, 2].distinct() == [1, 2] && [1, 2].reverse() == [2, 1] && [1, 2, 3].slice(1, 2) == [2]",
    "lists.range(3) == [0, 1, 2]",
    "[{'n': 2}, {'n': 1}].sortBy(x, x.n)[0].n == 1",
    "sets.contains([1, 2], [1]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])",
    "'abc 123 de 45'.findAll('[0-9]+') == ['123', '45'] && 'abc 123'.find('[0-9]+') == '123'",
    "'a1b2'.findAll('[0-9]', 1) == ['1'] && 'x'.find('[0-9]') == ''",
    "[1, 2, 3].all(i, v, i < v) && {'a': 'a'}.all(k, v, k == v) && [5].exists(i, v, i == 0 && v == 5)",
    "[1, 1].existsOne(i, v, i == 1 && v == 1) && {'a': 1, 'b': 2}.transformList(k, v, v > 1, k) == ['b']",
    "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10) == {'b': 20}",
    "[1, 2].transformMap(i, v, v + i) == {0: 1, 1: 3}",
    "{'a': 'x'}.transformMapEntry(k, v, {v: k}) == {'x': 'a'}",
    "[[1, 2], [3]].all(i, l, l.all(j, v, v > i + j))",
    "self.?missing.orValue(1) == 1 && optional.of(2).hasValue() && self[?'n'].value() == 3",
    "'%s has %d'.format(['a', 1]) == 'a has 1' && math.greatest(1, 2) == 2 && base64.encode(b'a') == 'YQ=='",
    "'a,b'.split(',').join('-') == 'a-b' && 'AbC'.lowerAscii() == 'abc' && strings.quote('a') == '\"a\"'",
    "jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'",
    "Object.spec{replicas: 3, ?gone: optional.none()} == {'replicas': 3}",
    "JSONPatch{op: 'add', path: '/a', value: Object{x: [Object.y{z: 1}]}}.value.x[0].z == 1",
    "cel.bind(x, self.n, x + 1) == 4",
]


@pytest.mark.parametrize("expression", TRUE)
def test_expressions_that_hold(expression: str) -> None:
    assert evaluate(expression, {"self": {"n": 3}}) is True


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("self.x", "no such key: x"),
        ("self['x']", "no such key: x"),
        ("1 / 0", "division by zero"),
        ("[1][3]", "index out of bounds: 3"),
        ("self.n + 'a'", "no such overload"),
        ("quantity('x')", "quantities must match the regular expression"),
        ("quantity('1.5').asInteger()", "cannot convert value to integer"),
        ("self.isLessThan(self)", "no such overload"),
        ("ip('1.2.3')", 'IP Address "1.2.3" parse error during conversion from string: unable to parse IP'),
        ("[1].slice(0, 5)", "cannot slice(0, 5), list is length 1"),
        ("[].min()", "min called on empty list"),
        ("{'a': 1}.transformMapEntry(k, v, {'same': v}).size() == 1 && self.transformMapEntry(k, v, {1: v}) == {}", ""),
        ("[1, 2].transformMapEntry(k, v, {'same': v})", "insert failed: key 'same' already exists"),
        ("optional.of(1)", "the result is no plain value"),
        ("nope", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope'"),
    ],
)
def test_errors_are_in_the_words_of_kubernetes(expression: str, message: str) -> None:
    if not message:
        assert evaluate(expression, {"self": {"n": 3}}) is False
        return
    with pytest.raises(CelError) as raised:
        evaluate(expression, {"self": {"n": 3}})
    assert str(raised.value).startswith(message)


def test_the_authorizer_is_asked_by_steps() -> None:
    asked: list[tuple[dict[str, Any], str]] = []

    def authorize(question: dict[str, Any], verb: str) -> dict[str, Any]:
        asked.append((question, verb))
        return {"allowed": verb == "get", "reason": "so", "error": ""}

    expression = (
        "authorizer.group('apps').resource('deployments').namespace('n').name('x').check('get').allowed() "
        "&& !authorizer.path('/healthz').check('put').allowed() "
        "&& authorizer.serviceAccount('n', 's').path('/').check('get').reason() == 'so'"
    )
    assert evaluate(expression, {"authorizer": {}}, authorize) is True
    assert asked == [
        ({"group": "apps", "resource": "deployments", "namespace": "n", "name": "x"}, "get"),
        ({"path": "/healthz"}, "put"),
        ({"serviceAccount": "n:s", "path": "/"}, "get"),
    ]


@pytest.mark.parametrize("expression", ["self.n > 1", "(a + b).c(d)[1]", "a ? b : [c, {'d': e}]", "a..b", "`x-y`.z"])
def test_what_needs_no_rewriting_stays(expression: str) -> None:
    assert rewrite(expression) == expression
