"""What the documents and the docstrings name is there."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from navarch.testing import Cluster

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "navarch"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
SOURCES = tuple(path for path in sorted(PACKAGE.rglob("*.py")) if not path.parent.name.endswith("_pb"))

QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w./<>-]+")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
COMMAND = re.compile(r"python -m ((?:navarch|bench|tests)[\w.]*)")

#: A path of ours begins with one of these, or with a folder of the package.
TOPS = ("bench/", "docs/", "examples/", "navarch/", "tests/", "tools/")
FOLDERS = tuple(f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__")


def named_paths(text: str) -> Iterator[str]:
    """Quoted words that claim to be a file or a folder of this repository."""
    for word in QUOTED.findall(text):
        if PATH.fullmatch(word) and word.startswith(TOPS + FOLDERS):
            yield word


def is_there(word: str) -> bool:
    """`<name>` stands for any name; an ending may be left out."""
    pattern = re.sub(r"<\w+>", "*", word.rstrip("/"))
    return any(any(base.glob(pattern + ending)) for base in (ROOT, PACKAGE) for ending in ("", ".py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_what_exists(page: Path) -> None:
    assert not [word for word in named_paths(page.read_text()) if not is_there(word)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]


def said_of_us(source: Path) -> str:
    """The docstring of a module up to its `Source:`, which names files of Kubernetes."""
    return (ast.get_docstring(ast.parse(source.read_text())) or "").partition("Source:")[0]


def test_docstrings_name_what_exists() -> None:
    missing = [
        f"{source.relative_to(ROOT)}: {word}"
        for source in SOURCES
        for word in named_paths(said_of_us(source))
        if not is_there(word) and not (source.parent / word).exists() and not (source.parents[1] / word).exists()
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_can_be_run(page: Path) -> None:
    for module in COMMAND.findall(page.read_text()):
        assert importlib.util.find_spec(module), module


def test_every_page_is_found_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "(docs/checklists)" in readme
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert f"docs/{page.name}" in readme, f"{page.name} cannot be found from the README"


def test_calls_of_the_testing_page_exist() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    calls = set(re.findall(r"\bc\.([a-z_]+)\(", page))
    assert len(calls) > 20
    assert not [name for name in sorted(calls) if not callable(getattr(Cluster, name, None))]


def test_the_readme_names_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert {"start", "test"} <= named <= targets
