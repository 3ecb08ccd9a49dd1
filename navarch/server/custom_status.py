"""What the server says of a CustomResourceDefinition: are its names free, is it served?

Pure: `status_of` gives the status that a definition should have; `definitions.py` writes it.

Source: apiextensions-apiserver `controller/status` (naming conditions) and `controller/establish`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from navarch.schema.types import Tree

APPROVED: Final = "api-approved.kubernetes.io"
_CONFORMANT: Final = "KubernetesAPIApprovalPolicyConformant"
_APPROVAL_RULES: Final = "https://github.com/kubernetes/enhancements/pull/1111"
CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"


def is_established(crd: Tree) -> bool:
    """Whether the definition's resources are served."""
    return any(c["type"] == "Established" and c["status"] == "True" for c in _conditions(crd))


def is_terminating(crd: Tree) -> bool:
    """Whether the definition waits for its objects to go."""
    metadata = crd["metadata"]
    return "deletionTimestamp" in metadata and CLEANUP in metadata.get("finalizers", ())


def status_of(crd: Tree, others: Iterable[Tree], now: str) -> Tree:
    """The status with its names and conditions judged; `others` are the other definitions of the group."""
    status = dict(crd.get("status") or {})
    names, conflict = _accept(crd["spec"]["names"], status.get("acceptedNames") or {}, others)
    status["acceptedNames"] = names
    conditions = [dict(c) for c in _conditions(crd)]
    if conflict:
        _set(conditions, ("NamesAccepted", "False", *conflict), now)
    else:
        _set(conditions, ("NamesAccepted", "True", "NoConflicts", "no conflicts found"), now)
    if not is_established(crd):
        accepted = ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
        refused = ("Established", "False", "NotAccepted", "not all names are accepted")
        _set(conditions, refused if conflict else accepted, now)
    if (approval := _approval(crd)) is not None:
        _set(conditions, approval, now)
    status["conditions"] = conditions
    return status


def _approval(crd: Tree) -> tuple[str, str, str, str] | None:
    """What is said of a definition in a group of Kubernetes' own; None for others. Source: KEP-1111."""
    if not f".{crd['spec']['group']}".endswith((".k8s.io", ".kubernetes.io")):
        return None
    given = (crd["metadata"].get("annotations") or {}).get(APPROVED, "")
    if given.startswith("unapproved"):
        return (_CONFORMANT, "False", "UnapprovedAPI", f'not approved: "{given}"')
    if given:
        return (_CONFORMANT, "True", "ApprovedAnnotation", f"approved in {given}")
    text = f'protected groups must have approval annotation "{APPROVED}", see {_APPROVAL_RULES}'
    return (_CONFORMANT, "False", "MissingAnnotation", text)


def _conditions(crd: Tree) -> list[Tree]:
    return (crd.get("status") or {}).get("conditions") or []


def _set(conditions: list[Tree], condition: tuple[str, str, str, str], now: str) -> None:
    type_, value, reason, message = condition
    wanted = {"type": type_, "status": value, "lastTransitionTime": now, "reason": reason, "message": message}
    for index, found in enumerate(conditions):
        if found["type"] == type_:
            if found["status"] == value:
                wanted["lastTransitionTime"] = found.get("lastTransitionTime", now)
            conditions[index] = wanted
            return
    conditions.append(wanted)


def _accept(wanted: Tree, accepted: Tree, others: Iterable[Tree]) -> tuple[Tree, tuple[str, str] | None]:
    """The names that are accepted, and (reason, message) of the last conflict."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources.update(_resource_names(names))
        kinds.update(name for name in (names.get("kind"), names.get("listKind")) if name)
    result = {name: value for name, value in accepted.items() if value}
    conflict: tuple[str, str] | None = None
    for field, taken, reason in (
        ("plural", resources, "PluralConflict"),
        ("singular", resources, "SingularConflict"),
        ("kind", kinds, "KindConflict"),
        ("listKind", kinds, "ListKindConflict"),
    ):
        name = wanted.get(field, "")
        if name in taken:
            conflict = (reason, f'"{name}" is already in use')
        elif name:
            result[field] = name
    used = [name for name in wanted.get("shortNames") or () if name in resources]
    if used:
        conflict = ("ShortNamesConflict", ", ".join(f'"{name}" is already in use' for name in used))
    else:
        _carry(result, wanted, "shortNames")
    _carry(result, wanted, "categories")
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    return {"plural": "", "kind": ""} | {name: result[name] for name in order if name in result}, conflict


def _resource_names(names: Tree) -> Iterator[str]:
    for field in ("plural", "singular"):
        if name := names.get(field):
            yield name
    yield from names.get("shortNames") or ()


def _carry(result: Tree, wanted: Tree, field: str) -> None:
    value: Any = wanted.get(field)
    if value:
        result[field] = value
    else:
        result.pop(field, None)
