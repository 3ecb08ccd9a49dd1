"""What holds for every file of the package, whoever writes it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "navarch"

MOST_LINES = 600

#: What brings in chance, time or the outside world. Pure code is handed all of it.
IMPURE = frozenset(
    {"asyncio", "random", "secrets", "select", "signal", "socket", "ssl", "subprocess", "threading", "time"}
)

#: Layers and the only files of theirs that may wait, be random or touch the outside.
RUNNERS = {
    "api": (),
    "base": (),
    "control": ("collectors.py", "execute.py", "runner.py"),
    "dns": ("forward.py", "run.py", "serve.py"),
    "proxy": ("apply.py", "conntrack.py", "policies/run.py", "run.py"),
    "scheduler": ("cycle.py", "write.py"),
    "schema": (),
    "server/authz": (),
    "server/filters": (),
}

#: Files of the kubelet that decide and do not wait.
PURE_NODE_FILES = (
    "eviction/pressure.py",
    "eviction/thresholds.py",
    "eviction/victims.py",
    "image_gc.py",
    "machine.py",
    "qos.py",
    "resources.py",
    "status.py",
)

#: Who may start a task outside a TaskGroup, each because something else ends it: a connection, a store, a
#: simulated machine, a process that is told to end by a signal.
TASK_OWNERS = frozenset(
    {
        "app/control_plane.py",
        "client/http.py",
        "node/runtime/fake_process.py",
        "seams/sim.py",
        "server/addresses/records.py",
        "server/aggregator.py",
        "server/definitions.py",
        "server/flow_schemas.py",
        "server/remote_check.py",
        "server/watch_converting.py",
        "store/etcd.py",
        "testing/components.py",
        "testing/live.py",
        "wire/channels.py",
        "wire/front.py",
        "wire/http.py",
    }
)

#: What a distribution is called when it is imported, where that is not its own name.
MODULES = {
    "cel-expr-python": "cel_expr_python",
    "google-re2": "re2",
    "grpcio": "grpc",
    "protobuf": "google",
    "pyjwt": "jwt",
    "pyyaml": "yaml",
}

#: The plug-in for pytest is imported by pytest; LMDB where a directory of the version before is carried over.
OPTIONAL = frozenset({"lmdb", "pytest"})

#: Where people are talked to.
PRINTERS = ("app/", "cli/", "launch/", "testing/seeds.py")


def is_generated(path: Path) -> bool:
    return path.parent.name.endswith("_pb")


def sources() -> Iterator[Path]:
    """Every file of the package that a person wrote."""
    return (path for path in sorted(PACKAGE.rglob("*.py")) if not is_generated(path))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, top-level package) of every import, wherever in the file it stands."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, node.module.partition(".")[0]


def calls(path: Path) -> Iterator[tuple[int, str, str]]:
    """(line, what it is called on, name) of every call."""
    for node in ast.walk(parsed(path)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            yield node.lineno, ast.unparse(node.func.value), node.func.attr
        elif isinstance(node.func, ast.Name):
            yield node.lineno, "", node.func.id


def pure_files() -> Iterator[Path]:
    for layer, runners in RUNNERS.items():
        allowed = {PACKAGE / layer / runner for runner in runners}
        yield from (path for path in sorted((PACKAGE / layer).rglob("*.py")) if path not in allowed)
    yield from (PACKAGE / "node" / name for name in PURE_NODE_FILES)


def is_group(owner: str) -> bool:
    return owner.rpartition(".")[2].lstrip("_") in {"group", "tasks"}


def test_no_file_holds_two_subjects() -> None:
    long = {name_of(path): count for path in sources() if (count := len(path.read_text().splitlines())) > MOST_LINES}
    assert not long


def test_pure_files_import_neither_time_nor_chance_nor_the_outside() -> None:
    found = [f"{name_of(p)}:{line} {what}" for p in pure_files() for line, what in imports(p) if what in IMPURE]
    assert not found


def test_tasks_belong_to_a_group_or_to_a_named_owner() -> None:
    found = {
        f"{name_of(path)}:{line}"
        for path in sources()
        for line, owner, name in calls(path)
        if name in {"create_task", "ensure_future"} and not is_group(owner) and name_of(path) not in TASK_OWNERS
    }
    assert not found


def test_only_what_talks_to_people_prints() -> None:
    found = [
        f"{name_of(path)}:{line}"
        for path in sources()
        for line, owner, name in calls(path)
        if (owner, name) == ("", "print") and not name_of(path).startswith(PRINTERS)
    ]
    assert not found


def test_every_module_says_what_it_is_for() -> None:
    assert not [name_of(path) for path in sources() if parsed(path).body and not ast.get_docstring(parsed(path))]


@pytest.mark.parametrize("name", sorted(TASK_OWNERS))
def test_owners_still_start_tasks(name: str) -> None:
    started = [c for c in calls(PACKAGE / name) if c[2] in {"create_task", "ensure_future"} and not is_group(c[1])]
    assert started, f"{name} starts no task of its own any more: take it off the list"


@pytest.mark.parametrize("layer", [layer for layer, runners in RUNNERS.items() if runners])
def test_runners_still_run(layer: str) -> None:
    idle = [name for name in RUNNERS[layer] if not any(what in IMPURE for _, what in imports(PACKAGE / layer / name))]
    assert not idle, "these are pure by now: take them off the list"


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[^\w.-]", requirement)[0] for requirement in project["dependencies"]]
    declared = {MODULES.get(name, name) for name in names}
    imported = {what for path in PACKAGE.rglob("*.py") for _, what in imports(path)}
    assert imported - sys.stdlib_module_names - {"navarch", "__future__"} - OPTIONAL == declared
