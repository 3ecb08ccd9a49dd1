"""The rules that the level restricted of the Pod Security Standards adds to baseline.

Source: texts of `k8s.io/pod-security-admission/policy`, newest version of each rule.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.schema.types import Tree
from navarch.server.admission import pod_baseline as baseline
from navarch.server.admission.pod_words import (
    CAPS_ADD,
    Rule,
    adding_capabilities,
    containers_text,
    contexts,
    deep,
    is_windows,
    joined,
    names_of,
    plural,
    quoted,
    setters_of,
    verb,
)

_PLAIN_VOLUMES: Final = frozenset(
    (
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
)


def escalation(_metadata: Tree, spec: Tree) -> str:
    if is_windows(spec):
        return ""
    names = names_of(spec, lambda c: deep(c, "securityContext", "allowPrivilegeEscalation") is not False)
    what = f"{containers_text(names)} must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({what})" if names else ""


def few_capabilities(_metadata: Tree, spec: Tree) -> str:
    if is_windows(spec):
        return ""
    keeping = names_of(spec, lambda c: "ALL" not in (deep(c, "securityContext", "capabilities", "drop") or ()))
    names, added = adding_capabilities(spec, frozenset(("NET_BIND_SERVICE",)))
    wrong = []
    if keeping:
        wrong.append(f'{containers_text(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if names:
        wrong.append(f"{containers_text(names)} must not include {quoted(added)} in {CAPS_ADD}")
    return f"unrestricted capabilities ({'; '.join(wrong)})" if wrong else ""


def volumes(_metadata: Tree, spec: Tree) -> str:
    names: list[str] = []
    types: set[str] = set()
    for volume in spec.get("volumes") or ():
        found = next((key for key in volume if key != "name"), "unknown")
        if found not in _PLAIN_VOLUMES:
            names.append(volume["name"])
            types.add(found)
    if not names:
        return ""
    what = (
        f"volume{plural(names)} {quoted(names, keep_order=True)} use{verb(names)} restricted volume type{plural(types)}"
    )
    return f"restricted volume types ({what} {quoted(types)})"


def non_root(_metadata: Tree, spec: Tree) -> str:
    if spec.get("hostUsers") is False:
        return ""
    of_pod = deep(spec, "securityContext", "runAsNonRoot")

    def given(container: Tree) -> Any:
        return deep(container, "securityContext", "runAsNonRoot")

    denying = ["pod"] if of_pod is False else []
    if names := names_of(spec, lambda c: given(c) is False):
        denying.append(containers_text(names))
    if denying:
        return f"runAsNonRoot != true ({joined(denying)} must not set securityContext.runAsNonRoot=false)"
    silent = names_of(spec, lambda c: given(c) is None) if not of_pod else []
    what = f"pod or {containers_text(silent)} must set securityContext.runAsNonRoot=true"
    return f"runAsNonRoot != true ({what})" if silent else ""


def root_user(_metadata: Tree, spec: Tree) -> str:
    if spec.get("hostUsers") is False:
        return ""
    setters, _ = setters_of(spec, lambda c: c.get("runAsUser"), {0})
    return f"runAsUser=0 ({joined(setters)} must not set runAsUser=0)" if setters else ""


def some_seccomp(_metadata: Tree, spec: Tree) -> str:
    if is_windows(spec):
        return ""
    allowed = ("RuntimeDefault", "Localhost")
    found = [(name, deep(context, "seccompProfile", "type")) for name, context in contexts(spec)]
    wrong = {value for _, value in found if value and value not in allowed}
    if wrong:
        setters, _ = setters_of(spec, lambda c: deep(c, "seccompProfile", "type"), wrong)
        values = quoted(wrong)
        return f"seccompProfile ({joined(setters)} must not set securityContext.seccompProfile.type to {values})"
    if deep(spec, "securityContext", "seccompProfile", "type") in allowed:
        return ""
    silent = names_of(spec, lambda c: not deep(c, "securityContext", "seccompProfile", "type"))
    field = "securityContext.seccompProfile.type"
    what = f'pod or {containers_text(silent)} must set {field} to "RuntimeDefault" or "Localhost"'
    return f"seccompProfile ({what})" if silent else ""


#: Stricter rules here replace those of baseline about the same thing.
_REPLACED: Final = (baseline.capabilities, baseline.host_path, baseline.proc_mount, baseline.seccomp)

RESTRICTED: Final[tuple[Rule, ...]] = (
    *(rule for rule in baseline.BASELINE if rule not in _REPLACED),
    escalation,
    few_capabilities,
    baseline.proc_mount_always,
    volumes,
    non_root,
    root_user,
    some_seccomp,
)
