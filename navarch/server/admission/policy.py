"""What validating and mutating admission policies have in common: bindings, parameters, expressions.

A policy does nothing until a binding names it; a binding says where it applies and with which parameters.

Called by validating_policy.py and mutating_policy.py.

Source: KEP-3488, KEP-3962; apiserver `admission/plugin/policy/generic`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from navarch.base import selector
from navarch.schema.cel import Authorize, CelError, NotPlainError, OutOfBudgetError, evaluate
from navarch.schema.cel_meter import MATCH_BUDGET, Budget
from navarch.schema.cel_typed import reusable
from navarch.schema.types import Tree
from navarch.server.admission.contract import Attributes, World
from navarch.server.admission.matching import is_exempt, matched
from navarch.server.admission.webhook_review import request_tree, whole
from navarch.server.authn.tokens import service_account_groups
from navarch.server.authz.attributes import Attributes as Question
from navarch.server.served import Served
from navarch.wire.messages import User

_VARIABLE: Final = re.compile(r"\bvariables\.([A-Za-z_]\w*)")
_NO_PARAMS: Final = "no params found for policy binding with `Deny` parameterNotFoundAction"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One policy that a binding applies to a request. `served` is the version that it wants to see."""

    policy: Tree
    binding: Tree
    served: Served

    @property
    def names(self) -> tuple[str, str]:
        return self.policy["metadata"]["name"], self.binding["metadata"]["name"]

    @property
    def must_hold(self) -> bool:
        return bool(self.policy["spec"].get("failurePolicy", "Fail") == "Fail")


def invocations(attributes: Attributes, world: World, policies: str, bindings: str) -> list[Invocation]:
    """What applies to a request, by the names of policy and binding."""
    if is_exempt(attributes):
        return []
    found = []
    for binding in world.list(bindings):
        policy = world.get(policies, "", binding["spec"]["policyName"])
        if policy is None:
            continue
        constraints = policy["spec"].get("matchConstraints") or {}
        served = matched(attributes, world, constraints, constraints.get("resourceRules") or ())
        if served is not None and _narrowed(attributes, world, binding["spec"].get("matchResources")):
            found.append(Invocation(policy, binding, served))
    return sorted(found, key=lambda each: each.names)


def _narrowed(attributes: Attributes, world: World, own: Tree | None) -> bool:
    """Whether a binding's own constraints, which may have no rules, take the request."""
    everything = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*", "*/*"]}]
    return not own or matched(attributes, world, own, own.get("resourceRules") or everything) is not None


def parameters(attributes: Attributes, world: World, invocation: Invocation) -> list[Tree | None]:
    """The parameter objects, one after the other; a single None without any. Raises: LookupError."""
    kind = invocation.policy["spec"].get("paramKind")
    reference = invocation.binding["spec"].get("paramRef")
    if not kind or not reference:
        return [None]
    try:
        bucket, namespaced = world.bucket_of(kind["apiVersion"], kind["kind"])
    except LookupError:
        shown = kind["apiVersion"] if "/" in kind["apiVersion"] else f"/{kind['apiVersion']}"
        text = f"failed to find resource referenced by paramKind: '{shown}, Kind={kind['kind']}'"
        raise LookupError(text) from None
    given = reference.get("namespace") or ""
    if given and not namespaced:
        raise LookupError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    namespace = (given or attributes.namespace) if namespaced else ""
    if namespaced and not namespace:
        text = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        raise LookupError(text)
    if name := reference.get("name"):
        found = [tree for tree in (world.get(bucket, namespace, name),) if tree is not None]
    else:
        wanted = selector.from_label_selector(reference.get("selector"))
        found = [t for t in world.list(bucket, namespace) if wanted.matches(t["metadata"].get("labels", {}))]
    if not found and reference.get("parameterNotFoundAction") != "Allow":
        raise LookupError(_NO_PARAMS)
    return list(found)


class Scope:
    """The variables of one policy's expressions over one request and parameter object. What the policy
    declares as variables is evaluated when an expression first uses it. Expressions share a budget until the next
    `renew`."""

    def __init__(self, attributes: Attributes, world: World, declared: Iterable[Tree] = (), params: Any = None) -> None:
        namespace = None
        if attributes.served.kind.namespaced:
            namespace = world.get("namespaces", "", attributes.namespace)
        self._values: dict[str, Any] = {}
        self._faults: dict[str, str] = {}
        self._inlined: dict[str, str] = {}
        self._data: dict[str, Any] = {
            "object": whole(attributes, attributes.obj),
            "oldObject": whole(attributes, attributes.old),
            "request": request_tree(attributes, ""),
            "namespaceObject": namespace,
            "params": params,
            "variables": self._values,
            "authorizer": {"requestResource": _question_of(attributes)},
        }
        self._declared = {variable["name"]: variable["expression"] for variable in declared}
        self._authorize = _authorizer(attributes.user, world)
        self._budget = Budget()

    def renew(self) -> None:
        """What follows has a budget of its own."""
        self._budget = Budget()

    def evaluate(self, expression: str) -> Any:
        """Raises: CelError."""
        for name in _VARIABLE.findall(expression):
            # Taken out first: a variable that uses itself finds nothing.
            declared = self._declared.pop(name, None)
            if declared is not None:
                try:
                    self._values[name] = reusable(self.evaluate(declared))
                except NotPlainError:
                    self._inlined[name] = f"({self._complete(declared)})"
                except OutOfBudgetError:
                    raise
                except CelError as error:
                    self._faults[f"no such key: {name}"] = f'composited variable "{name}" fails to evaluate: {error}'
        expression = self._complete(expression)
        try:
            authorize = self._authorize if "authorizer" in expression else None
            return evaluate(expression, self._data, authorize, self._budget)
        except (NotPlainError, OutOfBudgetError):
            raise
        except CelError as error:
            # A variable that failed is missed only by an expression that comes to need it.
            raise CelError(self._faults.get(str(error), str(error))) from None

    def _complete(self, expression: str) -> str:
        """The expression with those variables written out whose values cannot be handed over."""
        if not self._inlined:
            return expression
        return _VARIABLE.sub(lambda found: self._inlined.get(found[1], found[0]), expression)

    def holds(self, conditions: Sequence[Tree]) -> bool:
        """Whether all match conditions are true. One that is false outweighs those that fail.

        Raises: CelError.
        """
        faults = []
        self._budget = Budget(MATCH_BUDGET)
        for condition in conditions:
            expression = condition["expression"]
            try:
                if self.evaluate(expression) is not True:
                    return False
            except OutOfBudgetError:
                raise
            except CelError as error:
                faults.append(f"expression '{expression}' resulted in error: {error}")
        if faults:
            raise CelError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
        self.renew()
        return True


def _question_of(attributes: Attributes) -> dict[str, Any]:
    """What `authorizer.requestResource` asks about."""
    return {
        "group": attributes.served.group,
        "resource": attributes.served.plural,
        "subresource": attributes.subresource,
        "namespace": attributes.namespace,
        "name": attributes.name,
    }


def _authorizer(user: User, world: World) -> Authorize:
    def check(question: dict[str, Any], verb: str) -> dict[str, Any]:
        who = user
        if account := question.get("serviceAccount"):
            namespace = account.partition(":")[0]
            groups = (*service_account_groups(namespace), "system:authenticated")
            who = User(f"system:serviceaccount:{account}", groups=groups)
        if "path" in question:
            asked = Question(who, verb, path=question["path"])
        else:
            steps = ("group", "resource", "subresource", "namespace", "name")
            group, resource, subresource, namespace, name = (question.get(step, "") for step in steps)
            asked = Question(who, verb, group, "*", resource, subresource, namespace, name)
        decision = world.decide(asked)
        return {"allowed": decision.allowed, "reason": decision.reason, "error": ""}

    return check
