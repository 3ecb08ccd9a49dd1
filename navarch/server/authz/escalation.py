"""Nobody gives away what they do not have: checks on writes of roles and bindings. Pure.

Called by admission on create and update of the four RBAC kinds.
Source: RBAC privilege escalation prevention (`escalate`, `bind`), recorded messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from navarch.base.errors import StatusError, forbidden, not_found
from navarch.schema.types import Tree
from navarch.server.authz.attributes import Authorize
from navarch.server.authz.chain import SUPERUSERS, may
from navarch.server.authz.rbac import Rbac
from navarch.server.authz.rules import Rule, rules_of, show_strings, uncovered
from navarch.wire.messages import User

GROUP = "rbac.authorization.k8s.io"

#: What an aggregated ClusterRole might come to hold.
_EVERYTHING = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))

_PLURALS = {
    "Role": "roles",
    "ClusterRole": "clusterroles",
    "RoleBinding": "rolebindings",
    "ClusterRoleBinding": "clusterrolebindings",
}


def check(kind: str, new: Tree, old: Tree | None, user: User, rbac: Rbac, authorize: Authorize) -> None:
    """Raises: StatusError 403 when `user` would grant more than they have; 404 for a missing role."""
    if SUPERUSERS in user.groups:
        return
    if kind in ("Role", "ClusterRole"):
        _check_role(kind, new, old, user, rbac, authorize)
    else:
        _check_binding(kind, new, old, user, rbac, authorize)


def _check_role(kind: str, new: Tree, old: Tree | None, user: User, rbac: Rbac, authorize: Authorize) -> None:
    aggregates = new.get("aggregationRule")
    if old is not None and new.get("rules") == old.get("rules") and aggregates == old.get("aggregationRule"):
        return
    namespace, name = new["metadata"].get("namespace", ""), new["metadata"].get("name", "")
    if may(authorize, user, "escalate", GROUP, _PLURALS[kind], namespace, name):
        return
    wanted = _EVERYTHING if aggregates is not None else rules_of(new)
    _check_covered(kind, name, wanted, user, namespace, rbac)


def _check_binding(kind: str, new: Tree, old: Tree | None, user: User, rbac: Rbac, authorize: Authorize) -> None:
    if old is not None and new.get("subjects") == old.get("subjects") and new["roleRef"] == old["roleRef"]:
        return
    namespace, role = new["metadata"].get("namespace", ""), new["roleRef"]
    if may(authorize, user, "bind", GROUP, _PLURALS[role["kind"]], namespace, role["name"]):
        return
    rules = rbac.role(namespace if role["kind"] == "Role" else "", role["name"])
    if rules is None:
        raise not_found(_PLURALS[kind], role["name"], GROUP)
    _check_covered(kind, new["metadata"].get("name", ""), rules, user, namespace, rbac)


def _check_covered(kind: str, name: str, wanted: Sequence[Rule], user: User, namespace: str, rbac: Rbac) -> None:
    held = rbac.grants(user, namespace)
    missing = uncovered(held.rules, wanted)
    if missing:
        raise _escalation(kind, name, user, missing, held.errors)


def _escalation(kind: str, name: str, user: User, missing: list[Rule], errors: tuple[str, ...]) -> StatusError:
    listed = "\n".join(sorted(rule.show() for rule in missing))
    text = (
        f'user "{user.name}" (groups={show_strings(user.groups)}) is attempting to grant RBAC permissions '
        f"not currently held:\n{listed}"
    )
    if errors:
        text += "; resolution errors: [" + " ".join(errors) + "]"
    return forbidden(_PLURALS[kind], name, text, GROUP)
