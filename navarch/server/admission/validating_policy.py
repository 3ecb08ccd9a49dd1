"""ValidatingAdmissionPolicy: CEL expressions refuse requests, warn of them, or note them in the audit log.

Source: KEP-3488; texts of apiserver `admission/plugin/policy/validating`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from navarch.base.errors import Cause, Details, StatusError, resource_text
from navarch.schema.cel import CelError, OutOfBudgetError
from navarch.schema.types import Tree
from navarch.server.admission.contract import CONNECT, CREATE, DELETE, UPDATE, Attributes, Plugin, World
from navarch.server.admission.policy import Invocation, Scope, invocations, parameters
from navarch.server.admission.versions import seen_as

POLICIES: Final = "validatingadmissionpolicies.admissionregistration.k8s.io"
BINDINGS: Final = "validatingadmissionpolicybindings.admissionregistration.k8s.io"

CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
_FAILURES: Final = "validation.policy.admission.k8s.io/validation_failure"
#: Longer audit annotations are cut. Source: apiserver validating/plugin.
_MAX_ANNOTATION: Final = 10 << 10
#: Longer texts of a messageExpression are not used (bytes).
_MAX_MESSAGE: Final = 5 << 10


@dataclass(frozen=True, slots=True)
class Failure:
    """One validation that did not hold; `index` tells which."""

    message: str
    reason: str
    index: int = 0


def validate(attributes: Attributes, world: World) -> Awaitable[None] | None:
    """Raises: StatusError of the first failure that a binding makes a denial."""
    found = invocations(attributes, world, POLICIES, BINDINGS)
    return _validate_all(attributes, world, found) if found else None


async def _validate_all(attributes: Attributes, world: World, found: list[Invocation]) -> None:
    annotated: dict[str, list[str]] = {}
    for invocation in found:
        view = await seen_as(attributes, invocation.served)
        failures = list(_judge(view, world, invocation, annotated))
        if failures:
            _act(attributes, invocation, failures)
    for key, values in annotated.items():
        attributes.annotate(key, ", ".join(dict.fromkeys(values)))


def _judge(
    attributes: Attributes, world: World, invocation: Invocation, annotated: dict[str, list[str]]
) -> Iterator[Failure]:
    """All failures, for each parameter object in turn; `annotated` collects audit annotations."""
    try:
        found = parameters(attributes, world, invocation)
    except LookupError as error:
        if invocation.must_hold:
            yield Failure(f"failed to configure binding: {error}", "Invalid")
        return
    spec = invocation.policy["spec"]
    for params in found:
        scope = Scope(attributes, world, spec.get("variables") or (), params)
        try:
            if not scope.holds(spec.get("matchConditions") or ()):
                continue
        except CelError as error:
            if invocation.must_hold:
                yield Failure(str(error), "Invalid")
            continue
        yield from _failures(spec, scope, must_hold=invocation.must_hold)
        scope.renew()
        for annotation in spec.get("auditAnnotations") or ():
            try:
                value = scope.evaluate(annotation["valueExpression"])
            except CelError as error:
                if invocation.must_hold:
                    text = f"valueExpression '{annotation['valueExpression']}' resulted in error: {error}"
                    yield Failure(text, "Invalid")
                continue
            if isinstance(value, str) and value.strip():
                key = f"{invocation.names[0]}/{annotation['key']}"
                annotated.setdefault(key, []).append(value.strip()[:_MAX_ANNOTATION])


def _failures(spec: Tree, scope: Scope, *, must_hold: bool) -> Iterator[Failure]:
    """The validations that do not hold. When their budget is spent, that alone is told."""
    try:
        found = list(_judged(spec, scope, must_hold=must_hold))
    except OutOfBudgetError as error:
        found = [Failure(str(error), "Invalid")] if must_hold else []
    yield from found


def _judged(spec: Tree, scope: Scope, *, must_hold: bool) -> Iterator[Failure]:
    """Raises: OutOfBudgetError."""
    for index, validation in enumerate(spec.get("validations") or ()):
        expression = validation["expression"]
        try:
            if scope.evaluate(expression) is not True:
                yield Failure(_message(validation, scope), validation.get("reason") or "Invalid", index)
        except OutOfBudgetError:
            raise
        except CelError as error:
            if must_hold:
                yield Failure(f"expression '{expression}' resulted in error: {error}", "Invalid", index)


def _message(validation: Tree, scope: Scope) -> str:
    if expression := validation.get("messageExpression"):
        try:
            text = scope.evaluate(expression)
        except OutOfBudgetError as error:
            return f"failed messageExpression: {error}"
        except CelError:
            text = ""
        if isinstance(text, str) and text.strip() and "\n" not in text and len(text.strip().encode()) <= _MAX_MESSAGE:
            return text.strip()
    return (validation.get("message") or f"failed expression: {validation['expression'].strip()}").strip()


def _act(attributes: Attributes, invocation: Invocation, failures: list[Failure]) -> None:
    actions = invocation.binding["spec"].get("validationActions") or ()
    policy, binding = invocation.names
    subject = f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}'"
    if "Audit" in actions:
        noted = [
            {
                "message": failure.message,
                "policy": policy,
                "binding": binding,
                "expressionIndex": failure.index,
                "validationActions": list(actions),
            }
            for failure in failures
        ]
        attributes.annotate(_FAILURES, orjson.dumps(noted).decode())
    for failure in failures:
        if "Deny" in actions:
            raise denial(attributes, f"{subject} denied request: {failure.message}", failure.reason)
        if "Warn" in actions:
            attributes.warnings.append(f"Validation failed for {subject}: {failure.message}")


def denial(attributes: Attributes, text: str, reason: str) -> StatusError:
    """The refusal of a policy."""
    served = attributes.served
    details = Details(attributes.name, served.group, served.plural, causes=(Cause("", text),))
    message = f'{resource_text(served.plural, served.group)} "{attributes.name}" is forbidden: {text}'
    return StatusError(CODES.get(reason, 422), reason, message, details)


PLUGIN = Plugin("ValidatingAdmissionPolicy", (CREATE, UPDATE, DELETE, CONNECT), subresources=("*",), validate=validate)
