"""MutatingAdmissionPolicy: CEL expressions change objects before they are stored.

A mutation's expression makes either an apply configuration, which is merged into the object by the types of
its fields, or a list of JSON patch operations. Policies run by name, each on what the one before made; when
something changed afterwards those with reinvocationPolicy IfNeeded run once more.

Source: KEP-3962; texts of apiserver `admission/plugin/policy/mutating`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import replace
from typing import Any, Final

import orjson

from navarch.base.errors import StatusError
from navarch.base.patch import PatchError, apply_json_patch
from navarch.schema.cel import CelError, OutOfBudgetError
from navarch.schema.ownable import child_of, is_leaf, merge
from navarch.schema.typed import errors_text, type_errors
from navarch.schema.types import Node, Tree
from navarch.server import bodies
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World
from navarch.server.admission.policy import Invocation, Scope, invocations, parameters
from navarch.server.admission.validating_policy import denial
from navarch.server.admission.versions import converted, seen_as
from navarch.server.served import Served

POLICIES: Final = "mutatingadmissionpolicies.admissionregistration.k8s.io"
BINDINGS: Final = "mutatingadmissionpolicybindings.admissionregistration.k8s.io"


class MutationError(ValueError):
    """A mutation that cannot be made; the text says why."""


def mutate(attributes: Attributes, world: World) -> Awaitable[None] | None:
    """Raises: StatusError 422 for a policy that fails and must not."""
    found = invocations(attributes, world, POLICIES, BINDINGS)
    return _mutate_all(attributes, world, found) if found else None


async def _mutate_all(attributes: Attributes, world: World, found: list[Invocation]) -> None:
    before = orjson.dumps(attributes.obj)
    faults: list[str] = []
    for invocation in found:
        try:
            for params in parameters(attributes, world, invocation):
                await _mutate_once(attributes, world, invocation, params)
        except (LookupError, CelError, MutationError) as error:
            if invocation.must_hold:
                policy, binding = invocation.names
                why = f"failed to configure binding: {error}" if isinstance(error, LookupError) else str(error)
                faults.append(f"policy '{policy}' with binding '{binding}' denied request: {why}")
    if faults:
        raise denial(attributes, faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]", "Invalid")
    attributes.changed |= orjson.dumps(attributes.obj) != before


async def _mutate_once(attributes: Attributes, world: World, invocation: Invocation, params: Tree | None) -> None:
    """One policy with one parameter object, unless it has seen the object as it is.

    Raises: CelError, MutationError.
    """
    chosen = (params or {}).get("metadata") or {}
    key = ("policy", *invocation.names, chosen.get("namespace", ""), chosen.get("name", ""))
    spec = invocation.policy["spec"]
    if attributes.reinvoked:
        again = spec.get("reinvocationPolicy") == "IfNeeded"
        if not again or attributes.seen.get(key) == orjson.dumps(attributes.obj):
            return
    # The object that the pipeline holds is changed at the end and in place: mutations work on a view.
    view = replace(await seen_as(attributes, invocation.served))
    variables = spec.get("variables") or ()
    if Scope(view, world, variables, params).holds(spec.get("matchConditions") or ()):
        for mutation in spec["mutations"]:
            view.obj = _mutated(view, mutation, Scope(view, world, variables, params))
        if view.form is not attributes.form:
            view.obj = await converted(view.tree, view.served, attributes.served)
        _settle(attributes.form, attributes.tree, view.tree)
    attributes.seen[key] = orjson.dumps(attributes.obj)


def _mutated(view: Attributes, mutation: Tree, scope: Scope) -> Tree:
    """The object as a mutation leaves it. Raises: CelError, MutationError."""
    served = view.form
    whole: Tree = orjson.loads(orjson.dumps({**view.tree, "kind": served.kind.kind, "apiVersion": served.api_version}))
    if mutation["patchType"] == "JSONPatch":
        return _patched(whole, _evaluated(scope, mutation["jsonPatch"]["expression"]))
    return _merged(served, whole, _evaluated(scope, mutation["applyConfiguration"]["expression"]))


def _evaluated(scope: Scope, expression: str) -> Any:
    try:
        return scope.evaluate(expression)
    except OutOfBudgetError as error:
        raise MutationError(str(error)) from None
    except CelError as error:
        raise MutationError(f"expression '{expression}' resulted in error: {error}") from None


def _patched(whole: Tree, operations: Any) -> Tree:
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise MutationError("type mismatch: JSONPatchType.Object was expected to be a list of JSONPatch")
    try:
        changed: Any = apply_json_patch(whole, operations)
    except PatchError as error:
        raise MutationError(f"JSON Patch: {error}") from None
    if not isinstance(changed, dict):
        raise MutationError("JSON Patch: the result is no object")
    return changed


def _merged(served: Served, whole: Tree, configuration: Any) -> Tree:
    if not isinstance(configuration, dict):
        raise MutationError("type mismatch: ApplyConfiguration must evaluate to an Object")
    if errors := type_errors(served.node, configuration):
        raise MutationError(f"error applying patch: {errors_text(errors)}")
    if atomic := sorted(set(_atomic(served.node, configuration, ""))):
        where = ", ".join(atomic)
        text = "may not mutate atomic arrays, maps or structs"
        raise MutationError(f"error applying patch: invalid ApplyConfiguration: {text}: {where}")
    merged: Tree = merge(served.node, whole, configuration)
    return merged


def _atomic(node: Node | None, value: Any, path: str) -> Iterator[str]:
    """The places of lists and maps that can only be replaced whole. Elements of lists are not looked into: one
    that is added is whole."""
    if isinstance(value, dict | list) and value and is_leaf(node, value):
        yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            child, declared = child_of(node, name)
            if declared:
                yield from _atomic(child, item, f"{path}.{name}")


def _settle(served: Served, tree: Tree, changed: Tree) -> None:
    """Make the object what the mutations made of it, with defaults. Raises: MutationError."""
    try:
        bodies.settle_stored(served, changed)
    except (StatusError, ValueError) as error:
        raise MutationError(str(error)) from None
    bodies.apply_all_defaults(served, changed)
    tree.clear()
    tree.update(changed)


PLUGIN = Plugin("MutatingAdmissionPolicy", (CREATE, UPDATE), subresources=("*",), admit=mutate)
