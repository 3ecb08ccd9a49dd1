"""What the rules of the Pod Security Standards share: ways through a pod's spec, and the words of their texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from navarch.schema.types import Tree

#: A rule: (metadata, spec) -> what is wrong, empty when nothing is.
Rule = Callable[[Tree, Tree], str]

CAPS_ADD: Final = "securityContext.capabilities.add"


def each_container(spec: Tree) -> Iterator[Tree]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def names_of(spec: Tree, wrong: Callable[[Tree], bool]) -> list[str]:
    return [container["name"] for container in each_container(spec) if wrong(container)]


def contexts(spec: Tree) -> Iterator[tuple[str, Tree]]:
    """The security contexts of the pod (named "") and of its containers."""
    yield "", spec.get("securityContext") or {}
    for container in each_container(spec):
        yield container["name"], container.get("securityContext") or {}


def setters_of(spec: Tree, read: Callable[[Tree], Any], wrong: set[Any]) -> tuple[list[str], set[Any]]:
    """Who sets one of the wrong values ("pod", "container ..."), and which values."""
    values: set[Any] = set()
    setters: list[str] = []
    names: list[str] = []
    for name, context in contexts(spec):
        value = read(context)
        if value is None or value not in wrong:
            continue
        values.add(value)
        if name:
            names.append(name)
        else:
            setters.append("pod")
    if names:
        setters.append(containers_text(names))
    return setters, values


def adding_capabilities(spec: Tree, allowed: frozenset[str]) -> tuple[list[str], set[str]]:
    names: list[str] = []
    added: set[str] = set()
    for container in each_container(spec):
        wrong = set(deep(container, "securityContext", "capabilities", "add") or ()) - allowed
        if wrong:
            names.append(container["name"])
            added |= wrong
    return names, added


def deep(tree: Tree, *keys: str) -> Any:
    value: Any = tree
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def is_windows(spec: Tree) -> bool:
    return bool(deep(spec, "os", "name") == "windows")


def containers_text(names: list[str]) -> str:
    return f"container{plural(names)} {quoted(names, keep_order=True)}"


def quoted(values: Iterable[str], *, keep_order: bool = False) -> str:
    return ", ".join(f'"{value}"' for value in (values if keep_order else sorted(values)))


def joined(setters: list[str]) -> str:
    return " and ".join(setters)


def plural(values: list[str] | set[Any]) -> str:
    return "" if len(values) == 1 else "s"


def verb(values: list[str]) -> str:
    return "s" if len(values) == 1 else ""
