"""The RBAC evaluator: roles and bindings, indexed by subject.

The server hands it every Role, ClusterRole and binding (`put`, `remove`). A question costs the
bindings of its user, and nothing the second time: decisions and rules per user are remembered until
an RBAC object changes.

Source: RBAC API; the reason texts are those of Kubernetes' RBAC authorizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from navarch.schema.types import Tree
from navarch.server.authz.attributes import NO_OPINION, Attributes, Decision
from navarch.server.authz.rules import Rule, rules_of
from navarch.wire.messages import User

#: The kinds that matter here, all of group rbac.authorization.k8s.io.
KINDS: Final = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")

#: Remembered decisions; when there are more, all are forgotten.
MAX_DECISIONS = 20_000


@dataclass(frozen=True, slots=True)
class Subject:
    """`key` is what the binding is found by: `u:alice`, `g:dev`. `text` is how reasons show it."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A RoleBinding, or a ClusterRoleBinding (empty namespace)."""

    namespace: str
    name: str
    role_kind: str
    role_name: str
    subjects: tuple[Subject, ...]

    def describe(self, subject: Subject) -> str:
        kind = "RoleBinding" if self.namespace else "ClusterRoleBinding"
        name = f"{self.name}/{self.namespace}" if self.namespace else self.name
        return f'{kind} "{name}" of {self.role_kind} "{self.role_name}" to {subject.text}'


@dataclass(frozen=True, slots=True)
class Grant:
    """The rules that one binding gives a user, and the text that says how."""

    source: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Grants:
    """All that a user has in a namespace. `errors` name roles that bindings refer to in vain."""

    grants: tuple[Grant, ...]
    errors: tuple[str, ...]

    @property
    def rules(self) -> list[Rule]:
        return [rule for grant in self.grants for rule in grant.rules]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the evaluator keeps of a role (`rules`) or a binding. `key` is (namespace, name)."""

    key: tuple[str, str]
    rules: tuple[Rule, ...] = ()
    binding: Binding | None = None


@lru_cache(maxsize=1024)
def compiled(kind: str, value: bytes) -> Compiled:
    """A stored role or binding. Remembered: every cluster of a process begins with the same ones."""
    tree = orjson.loads(value)
    key = _key(tree)
    if kind in ("ClusterRole", "Role"):
        return Compiled(key, rules_of(tree))
    return Compiled(key, binding=_binding(key, tree))


class Rbac:
    """Answers `authorize`; the roles and bindings are replaced as they are written."""

    def __init__(self) -> None:
        self._roles: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._bindings: dict[tuple[str, str], Binding] = {}
        self._by_subject: dict[str, set[tuple[str, str]]] = {}
        self._decisions: dict[tuple[object, ...], Decision] = {}
        self._grants: dict[tuple[str, tuple[str, ...], str], Grants] = {}

    # --- the world

    def put(self, kind: str, tree: Tree) -> None:
        """A role or binding was written."""
        self.take(kind, compiled(kind, orjson.dumps(tree)))

    def take(self, kind: str, written: Compiled) -> None:
        """The same for one that is compiled."""
        key = written.key
        if kind in ("ClusterRole", "Role"):
            self._roles[key] = written.rules
        elif written.binding is not None:
            self._unbind(key)
            self._bind(key, written.binding)
        self._forget()

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """A role or binding was deleted."""
        if kind in ("ClusterRole", "Role"):
            self._roles.pop((namespace, name), None)
        else:
            self._unbind((namespace, name))
        self._forget()

    def role(self, namespace: str, name: str) -> tuple[Rule, ...] | None:
        """The rules of a Role, or with an empty namespace of a ClusterRole."""
        return self._roles.get((namespace, name))

    # --- questions

    def authorize(self, question: Attributes) -> Decision:
        user = question.user
        memo = (
            user.name,
            user.groups,
            question.verb,
            question.group,
            question.combined,
            question.namespace,
            question.name,
            question.path,
        )
        known = self._decisions.get(memo)
        if known is None:
            if len(self._decisions) >= MAX_DECISIONS:
                self._decisions.clear()
            known = self._decisions[memo] = self._decide(question)
        return known

    def grants(self, user: User, namespace: str) -> Grants:
        """What the user has: cluster-wide and, with a namespace, there."""
        memo = (user.name, user.groups, namespace)
        known = self._grants.get(memo)
        if known is None:
            if len(self._grants) >= MAX_DECISIONS:
                self._grants.clear()
            known = self._grants[memo] = self._resolve(user, namespace)
        return known

    def _decide(self, question: Attributes) -> Decision:
        grants = self.grants(question.user, question.namespace)
        for grant in grants.grants:
            if any(rule.allows(question) for rule in grant.rules):
                return Decision(True, f"RBAC: allowed by {grant.source}")
        if grants.errors:
            return Decision(False, "RBAC: " + _join(grants.errors))
        return NO_OPINION

    def _resolve(self, user: User, namespace: str) -> Grants:
        grants, errors = [], []
        subjects = {f"u:{user.name}", *(f"g:{group}" for group in user.groups)}
        for binding in self._bindings_of(subjects, namespace):
            subject = next(s for s in binding.subjects if s.key in subjects)
            role_namespace = binding.namespace if binding.role_kind == "Role" else ""
            rules = self._roles.get((role_namespace, binding.role_name))
            if rules is None:
                errors.append(f'{binding.role_kind.lower()}.rbac.authorization.k8s.io "{binding.role_name}" not found')
            else:
                grants.append(Grant(binding.describe(subject), rules))
        return Grants(tuple(grants), tuple(errors))

    def _bindings_of(self, subjects: set[str], namespace: str) -> Iterator[Binding]:
        """Cluster-wide bindings first, then the namespace's, each by name."""
        keys = {key for subject in subjects for key in self._by_subject.get(subject, ()) if key[0] in ("", namespace)}
        for key in sorted(keys):
            yield self._bindings[key]

    def _bind(self, key: tuple[str, str], binding: Binding) -> None:
        self._bindings[key] = binding
        for subject in binding.subjects:
            self._by_subject.setdefault(subject.key, set()).add(key)

    def _unbind(self, key: tuple[str, str]) -> None:
        old = self._bindings.pop(key, None)
        for subject in old.subjects if old else ():
            keys = self._by_subject.get(subject.key)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._by_subject[subject.key]

    def _forget(self) -> None:
        self._decisions.clear()
        self._grants.clear()


def _key(tree: Tree) -> tuple[str, str]:
    metadata = tree["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _binding(key: tuple[str, str], tree: Tree) -> Binding:
    role = tree["roleRef"]
    subjects = tuple(_subject(subject, key[0]) for subject in tree.get("subjects") or ())
    return Binding(key[0], key[1], role["kind"], role["name"], subjects)


def _subject(tree: Tree, binding_namespace: str) -> Subject:
    kind, name = tree["kind"], tree["name"]
    if kind == "ServiceAccount":
        namespace = tree.get("namespace") or binding_namespace
        return Subject(f"u:system:serviceaccount:{namespace}:{name}", f'{kind} "{name}/{namespace}"')
    return Subject(f"{'g' if kind == 'Group' else 'u'}:{name}", f'{kind} "{name}"')


def _join(errors: tuple[str, ...]) -> str:
    return errors[0] if len(errors) == 1 else "[" + ", ".join(errors) + "]"
