"""Declares Kubernetes' own functions to the CEL runtime. What they do stands in cel_values.py and cel_lists.py.

    environment(frozenset({"self"})).compile("self.limits.cpu.startsWith('1')")

The runtime is large: it is loaded with the first expression. Variables are untyped.

Source: apiserver `pkg/cel/environment` (which libraries there are) and `pkg/cel/library`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, Final

from navarch.schema import cel_lists as lists
from navarch.schema import cel_values as values

#: Steps from the authorizer to the question that `check` asks.
_QUESTION_STEPS: Final = (
    *("path", "group", "resource", "subresource", "namespace", "name", "fieldSelector", "labelSelector"),
)


@cache
def runtime() -> Any:
    """The module of the runtime."""
    from cel_expr_python import cel

    return cel


@cache
def environment(variables: frozenset[str]) -> Any:
    """What compiles expressions over these variables."""
    from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

    cel = runtime()
    types = dict.fromkeys(sorted(variables), cel.Type.DYN)
    extensions = [
        ext_strings.ExtStrings(),
        ext_optional.ExtOptional(),
        ext_math.ExtMath(),
        ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders(),
        _kubernetes(),
    ]
    return cel.NewEnv(variables=types, extensions=extensions)


@cache
def _kubernetes() -> Any:
    cel = runtime()
    functions: dict[str, list[Any]] = {}
    for declare in (_values, _addresses, _lists, _authorizer, _written):
        for index, (name, parameters, result, implementation, member) in enumerate(declare(cel.Type)):
            overload = cel.Overload(
                f"kubernetes{declare.__name__}_{index}",
                return_type=result,
                parameters=parameters,
                is_member=member,
                impl=implementation,
            )
            functions.setdefault(name, []).append(overload)
    declared = [cel.FunctionDecl(name, overloads) for name, overloads in functions.items()]
    return cel.CelExtension("kubernetes", declared)


#: Name, parameters, result, implementation (None: given with each evaluation), is it a method.
Declaration = tuple[str, list[Any], Any, Callable[..., Any] | None, bool]


def _values(t: Any) -> Iterator[Declaration]:
    text, any_ = t.STRING, t.DYN
    for name, make in (("quantity", values.make_quantity), ("url", values.make_url), ("semver", values.make_semver)):
        yield name, [text], any_, make, False
        yield f"is{name.capitalize() if name != 'url' else 'URL'}", [text], t.BOOL, _succeeds(make), False
    yield "semver", [text, t.BOOL], any_, values.make_semver, False
    yield "isSemver", [text, t.BOOL], t.BOOL, _succeeds(values.make_semver), False
    for name, function, result in (
        ("sign", values.sign, t.INT),
        ("isInteger", values.is_integer, t.BOOL),
        ("asInteger", values.as_integer, t.INT),
        ("asApproximateFloat", values.as_float, t.DOUBLE),
    ):
        yield name, [any_], result, function, True
    yield "add", [any_, any_], any_, values.add, True
    yield "sub", [any_, any_], any_, values.subtract, True
    yield "compareTo", [any_, any_], t.INT, values.compare, True
    yield "isLessThan", [any_, any_], t.BOOL, lambda left, right: values.compare(left, right) < 0, True
    yield "isGreaterThan", [any_, any_], t.BOOL, lambda left, right: values.compare(left, right) > 0, True
    for index, name in enumerate(("major", "minor", "patch")):
        yield name, [any_], t.INT, partial(values.semver_part, index), True
    for name, part in (
        ("getScheme", "scheme"),
        ("getHost", "host"),
        ("getHostname", "hostname"),
        ("getPort", "port"),
        ("getEscapedPath", "path"),
        ("getQuery", "query"),
    ):
        yield name, [any_], any_ if part == "query" else text, partial(values.url_part, part), True
    for name in values.FORMATS:
        yield f"format.{name}", [], any_, partial(values.make_format, name), False
    yield "format.named", [text], any_, values.make_format, False


def _addresses(t: Any) -> Iterator[Declaration]:
    text, any_ = t.STRING, t.DYN
    yield "ip", [text], any_, values.make_ip, False
    yield "isIP", [text], t.BOOL, _succeeds(values.make_ip), False
    yield "ip.isCanonical", [text], t.BOOL, values.is_canonical_ip, False
    yield "cidr", [text], any_, values.make_cidr, False
    yield "isCIDR", [text], t.BOOL, _succeeds(values.make_cidr), False
    yield "family", [any_], t.INT, values.family, True
    for name, what in (
        ("isUnspecified", "unspecified"),
        ("isLoopback", "loopback"),
        ("isLinkLocalMulticast", "link_local_multicast"),
        ("isLinkLocalUnicast", "link_local"),
        ("isGlobalUnicast", "global_unicast"),
    ):
        yield name, [any_], t.BOOL, partial(values.ip_is, what), True
    yield "containsIP", [any_, any_], t.BOOL, values.contains_ip, True
    yield "containsCIDR", [any_, any_], t.BOOL, values.contains_cidr, True
    yield "ip", [any_], any_, values.cidr_ip, True
    yield "masked", [any_], any_, values.masked, True
    yield "prefixLength", [any_], t.INT, values.prefix_length, True
    yield "string", [t.Map(text, any_)], text, values.show, False


def _lists(t: Any) -> Iterator[Declaration]:
    text, any_, number = t.STRING, t.DYN, t.INT
    items = t.List(any_)
    yield "sum", [items], any_, lists.total, True
    yield "min", [items], any_, partial(lists.extreme, min, "min"), True
    yield "max", [items], any_, partial(lists.extreme, max, "max"), True
    yield "isSorted", [items], t.BOOL, lists.is_sorted, True
    yield "indexOf", [items, any_], number, lists.index_of, True
    yield "lastIndexOf", [items, any_], number, lists.last_index_of, True
    yield "slice", [items, number, number], items, lists.slice_, True
    yield "flatten", [items], items, lists.flatten, True
    yield "flatten", [items, number], items, lists.flatten, True
    yield "sort", [items], items, lists.sort, True
    yield "distinct", [items], items, lists.distinct, True
    yield "reverse", [items], items, lists.reverse, True
    yield "lists.range", [number], t.List(number), lists.range_, False
    yield "sets.contains", [items, items], t.BOOL, lists.contains, False
    yield "sets.equivalent", [items, items], t.BOOL, lists.equivalent, False
    yield "sets.intersects", [items, items], t.BOOL, lists.intersects, False
    yield "find", [text, text], text, lists.find, True
    yield "findAll", [text, text], t.List(text), lists.find_all, True
    yield "findAll", [text, text, number], t.List(text), lists.find_all, True
    yield "jsonpatch.escapeKey", [text], text, lists.escape_key, False


def _authorizer(t: Any) -> Iterator[Declaration]:
    """`authorizer.group("apps").resource("deployments").check("create").allowed()`: each step adds to a map."""
    text, any_ = t.STRING, t.DYN
    for step in _QUESTION_STEPS:
        yield step, [any_, text], any_, partial(_step, step), True
    yield "serviceAccount", [any_, text, text], any_, _as_service_account, True
    yield "check", [any_, text], any_, None, True
    yield "allowed", [any_], t.BOOL, lambda decision: decision["allowed"], True
    yield "reason", [any_], text, lambda decision: decision["reason"], True
    yield "errored", [any_], t.BOOL, lambda decision: bool(decision["error"]), True
    yield "error", [any_], text, lambda decision: decision["error"], True


def _written(t: Any) -> Iterator[Declaration]:
    """What cel_rewrite.py and cel_pieces.py write."""
    any_ = t.DYN
    items = t.List(any_)
    yield "navarch.entries", [any_], items, lists.entries, False
    yield "navarch.fromEntries", [items], any_, lists.from_entries, False
    yield "navarch.merged", [items], any_, lists.merged, False
    yield "navarch.sorted", [items, items], items, lists.sort_by, False
    yield "navarch.faults", [any_, t.STRING], t.List(t.STRING), values.faults, False
    yield "navarch.pieces", [t.INT, any_, any_], any_, None, False


def _step(step: str, question: dict[str, Any], value: str) -> dict[str, Any]:
    return {**question, step: value}


def _as_service_account(question: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    return {**question, "serviceAccount": f"{namespace}:{name}"}


def _succeeds(make: Callable[..., object]) -> Callable[..., bool]:
    def check(*arguments: Any) -> bool:
        try:
            make(*arguments)
        except ValueError:
            return False
        return True

    return check
