"""PodSecurity: pods must meet the security level that their namespace is labelled with.

Labels `pod-security.kubernetes.io/<mode>` and `<mode>-version` choose a level per mode: `enforce`
refuses pods, `warn` answers with warnings, also for what will make pods. All versions of the standard
are judged as the newest.

Source: Pod Security Admission (KEP-2579).
"""

from __future__ import annotations

import re
from typing import Final

from navarch.base.field import FieldError, invalid, invalid_value
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World
from navarch.server.admission.pod_standards import violations

_PREFIX: Final = "pod-security.kubernetes.io/"
LEVELS: Final = ("privileged", "baseline", "restricted")
_MODES: Final = ("enforce", "audit", "warn")
_VERSION: Final = re.compile(r"latest|v1\.(0|[1-9][0-9]*)")

#: Where the pod template of a workload is.
_TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "podtemplates": ("template",),
    "replicationcontrollers": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}

#: Pods that a relabelled namespace is searched for violations. Source: the plug-in's default.
_MAX_PODS: Final = 3000


def check_pod(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403."""
    pod = attributes.tree
    if attributes.operation == UPDATE and attributes.old is not None and not _matters(pod, attributes.old):
        return
    labels = _labels(attributes, world)
    enforced = _standard(labels, "enforce")
    if found := _found(enforced, pod):
        raise attributes.forbidden(f"violates PodSecurity {_shown(enforced)}: {found}")
    _warn(attributes, labels, pod)


def check_workload(attributes: Attributes, world: World) -> None:
    """Warn of templates whose pods would break the level of mode warn."""
    template: Tree = attributes.tree
    for key in _TEMPLATES[attributes.bucket]:
        template = template.get(key) or {}
    if template:
        _warn(attributes, _labels(attributes, world), template)


def check_namespace(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 422 for labels that name no level or version."""
    namespace = attributes.tree
    labels = namespace["metadata"].get("labels", {})
    before = attributes.old["metadata"].get("labels", {}) if attributes.old is not None else None
    errors = [error for mode in _MODES for error in _label_errors(labels, mode)]
    if errors and (before is None or any(_given(labels, mode) != _given(before, mode) for mode in _MODES)):
        raise invalid("Namespace", "", attributes.name, errors)
    enforced = _standard(labels, "enforce")
    if before is not None and LEVELS.index(enforced[0]) > LEVELS.index(_standard(before, "enforce")[0]):
        _warn_of_pods(attributes, world, enforced)


def _warn(attributes: Attributes, labels: Tree, pod: Tree) -> None:
    standard = _standard(labels, "warn")
    if found := _found(standard, pod):
        attributes.warnings.append(f"would violate PodSecurity {_shown(standard)}: {found}")


def _warn_of_pods(attributes: Attributes, world: World, standard: tuple[str, str]) -> None:
    """Name the pods that stand there and would be refused now, those with the same faults together."""
    faults: dict[str, list[str]] = {}
    for count, pod in enumerate(world.list("pods", attributes.name)):
        if count >= _MAX_PODS:
            break
        if found := _found(standard, pod):
            reasons = ", ".join(part.split(" (")[0] for part in violations(standard[0], pod))
            faults.setdefault(reasons or found, []).append(pod["metadata"]["name"])
    if not faults:
        return
    level = _shown(standard)
    attributes.warnings.append(
        f'existing pods in namespace "{attributes.name}" violate the new PodSecurity enforce level {level}'
    )
    for reasons, names in sorted(faults.items(), key=lambda item: item[1][0]):
        others = len(names) - 1
        more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
        attributes.warnings.append(f"{names[0]}{more}: {reasons}")


def _matters(pod: Tree, old: Tree) -> bool:
    """Whether an update changes anything that the standards look at."""
    if pod["spec"] != old["spec"]:
        return True
    return bool(pod["metadata"].get("annotations") != old["metadata"].get("annotations"))


def _labels(attributes: Attributes, world: World) -> Tree:
    namespace = world.get("namespaces", "", attributes.namespace)
    labels: Tree = namespace["metadata"].get("labels", {}) if namespace is not None else {}
    return labels


def _standard(labels: Tree, mode: str) -> tuple[str, str]:
    """(level, version) of a mode. A level that there is not counts as the strictest."""
    level = labels.get(_PREFIX + mode, "privileged")
    version = labels.get(f"{_PREFIX}{mode}-version", "latest")
    return (level if level in LEVELS else "restricted"), (version if _VERSION.fullmatch(version) else "latest")


def _given(labels: Tree, mode: str) -> tuple[str | None, str | None]:
    return labels.get(_PREFIX + mode), labels.get(f"{_PREFIX}{mode}-version")


def _label_errors(labels: Tree, mode: str) -> list[FieldError]:
    errors = []
    level, version = _given(labels, mode)
    if level is not None and level not in LEVELS:
        path = f"metadata.labels[{_PREFIX}{mode}]"
        errors.append(invalid_value(path, level, f"must be one of {', '.join(LEVELS)}"))
    if version is not None and not _VERSION.fullmatch(version):
        path = f"metadata.labels[{_PREFIX}{mode}-version]"
        errors.append(invalid_value(path, version, 'must be "latest" or "v1.x"'))
    return errors


def _found(standard: tuple[str, str], pod: Tree) -> str:
    return ", ".join(violations(standard[0], pod))


def _shown(standard: tuple[str, str]) -> str:
    return f'"{standard[0]}:{standard[1]}"'


POD = Plugin("PodSecurity", (CREATE, UPDATE), ("pods",), ("", "ephemeralcontainers"), validate=check_pod)
WORKLOAD = Plugin("PodSecurity", (CREATE, UPDATE), tuple(_TEMPLATES), validate=check_workload)
NAMESPACE = Plugin("PodSecurity", (CREATE, UPDATE), ("namespaces",), validate=check_namespace)
