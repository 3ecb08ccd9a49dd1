"""ValidatingAdmissionPolicy: CEL expressions refuse requests, or warn of them.

A policy does nothing until a binding names it; a binding says where it applies, with which parameters, and
what follows from a failure. The variable `authorizer` is not offered.

Source: KEP-3488; texts of apiserver `admission/plugin/policy/validating`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from navarch.base import selector
from navarch.base.errors import Cause, Details, StatusError, resource_text
from navarch.schema.cel import CelError, evaluate
from navarch.schema.types import Tree
from navarch.server.admission.contract import CONNECT, CREATE, DELETE, UPDATE, Attributes, Plugin, World
from navarch.server.admission.webhook_match import is_exempt, matches_namespace, matches_object, matches_rule
from navarch.server.admission.webhook_review import request_tree, whole

POLICIES: Final = "validatingadmissionpolicies.admissionregistration.k8s.io"
BINDINGS: Final = "validatingadmissionpolicybindings.admissionregistration.k8s.io"

_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}


@dataclass(frozen=True, slots=True)
class Failure:
    """One validation that did not hold."""

    message: str
    reason: str


def validate(attributes: Attributes, world: World) -> None:
    """Raises: StatusError of the first failure that a binding makes a denial."""
    if is_exempt(attributes):
        return
    for binding in world.list(BINDINGS):
        policy = world.get(POLICIES, "", binding["spec"]["policyName"])
        if policy is None or not _applies(attributes, world, policy, binding):
            continue
        failures = list(_judge(attributes, world, policy, binding))
        if failures:
            _act(attributes, policy, binding, failures)


def _applies(attributes: Attributes, world: World, policy: Tree, binding: Tree) -> bool:
    constraints = policy["spec"].get("matchConstraints") or {}
    rules = constraints.get("resourceRules") or ()
    if not any(_matches(attributes, rule) for rule in rules):
        return False
    narrowed = binding["spec"].get("matchResources") or {}
    own = narrowed.get("resourceRules") or ()
    if own and not any(_matches(attributes, rule) for rule in own):
        return False
    return all(
        not any(_matches(attributes, rule) for rule in each.get("excludeResourceRules") or ())
        and matches_namespace(attributes, world, each.get("namespaceSelector"))
        and matches_object(attributes, each.get("objectSelector"))
        for each in (constraints, narrowed)
    )


def _matches(attributes: Attributes, rule: Tree) -> bool:
    names = rule.get("resourceNames")
    return matches_rule(attributes, rule) and (not names or attributes.name in names)


def _judge(attributes: Attributes, world: World, policy: Tree, binding: Tree) -> Iterator[Failure]:
    must_hold = policy["spec"].get("failurePolicy", "Fail") == "Fail"
    data = _variables(attributes, world)
    try:
        parameters = _parameters(attributes, world, policy, binding)
    except LookupError as error:
        if must_hold:
            yield Failure(f"failed to configure binding: {error}", "Invalid")
        return
    for params in parameters:
        try:
            yield from _judge_with(policy["spec"], {**data, "params": params}, must_hold=must_hold)
        except CelError as error:
            if must_hold:
                yield Failure(str(error), "Invalid")


def _judge_with(spec: Tree, data: dict[str, Any], *, must_hold: bool) -> Iterator[Failure]:
    """Raises: CelError for a match condition or variable that fails."""
    if not conditions_hold(spec.get("matchConditions") or (), data):
        return
    for variable in spec.get("variables") or ():
        data["variables"] = {**data["variables"], variable["name"]: evaluate(variable["expression"], data)}
    for validation in spec.get("validations") or ():
        expression = validation["expression"]
        reason = validation.get("reason") or "Invalid"
        try:
            if evaluate(expression, data) is not True:
                yield Failure(_message(validation, data), reason)
        except CelError as error:
            if must_hold:
                yield Failure(f"expression '{expression}' resulted in error: {error}", "Invalid")


def conditions_hold(conditions: Iterable[Tree], data: Mapping[str, Any]) -> bool:
    """Whether all match conditions are true. Raises: CelError."""
    return all(evaluate(condition["expression"], data) is True for condition in conditions)


def _message(validation: Tree, data: dict[str, Any]) -> str:
    if expression := validation.get("messageExpression"):
        try:
            text = evaluate(expression, data)
        except CelError:
            text = ""
        if isinstance(text, str) and text.strip():
            return text
    return validation.get("message") or f"failed expression: {validation['expression']}"


def _variables(attributes: Attributes, world: World) -> dict[str, Any]:
    namespace = None
    if attributes.served.kind.namespaced:
        namespace = world.get("namespaces", "", attributes.namespace)
    return {
        "object": whole(attributes, attributes.obj),
        "oldObject": whole(attributes, attributes.old),
        "request": request_tree(attributes, ""),
        "namespaceObject": namespace,
        "variables": {},
    }


def _parameters(attributes: Attributes, world: World, policy: Tree, binding: Tree) -> list[Tree | None]:
    """The parameter objects, one after the other; a single None without any. Raises: LookupError."""
    kind = policy["spec"].get("paramKind")
    reference = binding["spec"].get("paramRef")
    if not kind or not reference:
        return [None]
    bucket, namespaced = world.bucket_of(kind["apiVersion"], kind["kind"])
    namespace = (reference.get("namespace") or attributes.namespace) if namespaced else ""
    if name := reference.get("name"):
        found = [tree for tree in (world.get(bucket, namespace, name),) if tree is not None]
    else:
        wanted = selector.from_label_selector(reference.get("selector"))
        found = [t for t in world.list(bucket, namespace) if wanted.matches(t["metadata"].get("labels", {}))]
    if not found and reference.get("parameterNotFoundAction") != "Allow":
        raise LookupError("no params found for policy binding with `Deny` parameterNotFoundAction")
    return list(found)


def _act(attributes: Attributes, policy: Tree, binding: Tree, failures: list[Failure]) -> None:
    actions = binding["spec"].get("validationActions") or ()
    subject = f"ValidatingAdmissionPolicy '{policy['metadata']['name']}' with binding '{binding['metadata']['name']}'"
    for failure in failures:
        if "Deny" in actions:
            raise _denial(attributes, f"{subject} denied request: {failure.message}", failure.reason)
        if "Warn" in actions:
            attributes.warnings.append(f"Validation failed for {subject}: {failure.message}")


def _denial(attributes: Attributes, text: str, reason: str) -> StatusError:
    served = attributes.served
    details = Details(attributes.name, served.group, served.plural, causes=(Cause("", text),))
    message = f'{resource_text(served.plural, served.group)} "{attributes.name}" is forbidden: {text}'
    return StatusError(_CODES.get(reason, 422), reason, message, details)


PLUGIN = Plugin("ValidatingAdmissionPolicy", (CREATE, UPDATE, DELETE, CONNECT), subresources=("*",), validate=validate)
