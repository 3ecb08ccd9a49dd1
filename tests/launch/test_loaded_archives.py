"""Archives that are kept for nodes which come later."""

from __future__ import annotations

from pathlib import Path

import pytest

from navarch.launch.images.loaded import Archives


def archive(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "given.tar"
    path.write_text(text)
    return path


def brought(archives: Archives, node: Path) -> list[str]:
    """What the node is given now."""
    node.mkdir(exist_ok=True)
    found: list[str] = []
    archives.bring(node, lambda path: found.append(path.read_text()))
    return found


def test_a_later_node_gets_all_in_order_and_once(tmp_path: Path) -> None:
    archives = Archives(tmp_path / "profile")
    archives.keep(archive(tmp_path, "first"), ["a:1"])
    archives.keep(archive(tmp_path, "second"), ["b:1", "c:1"])
    assert brought(archives, tmp_path / "node") == ["first", "second"]
    assert brought(archives, tmp_path / "node") == []
    archives.keep(archive(tmp_path, "third"), ["d:1"])
    assert brought(archives, tmp_path / "node") == ["third"]


def test_one_that_had_it_loaded_does_not_get_it_again(tmp_path: Path) -> None:
    archives = Archives(tmp_path / "profile")
    kept = archives.keep(archive(tmp_path, "first"), ["a:1"])
    (tmp_path / "node").mkdir()
    archives.note(tmp_path / "node", kept)
    assert brought(archives, tmp_path / "node") == []


def test_what_a_newer_one_replaces_is_forgotten(tmp_path: Path) -> None:
    archives = Archives(tmp_path / "profile")
    archives.keep(archive(tmp_path, "old"), ["a:1"])
    archives.keep(archive(tmp_path, "both"), ["a:1", "b:1"])
    archives.keep(archive(tmp_path, "part"), ["b:1"])
    assert [each.images for each in archives.all()] == [("a:1", "b:1"), ("b:1",)]
    files = sorted(path.name for path in (tmp_path / "profile" / "archives").glob("*.tar"))
    assert files == sorted(each.file for each in archives.all())
    archives.keep(archive(tmp_path, "both"), ["a:1", "b:1"])
    assert brought(archives, tmp_path / "node") == ["both"], "the same again is the newest"


def test_a_load_that_fails_is_tried_again(tmp_path: Path) -> None:
    archives = Archives(tmp_path / "profile")
    archives.keep(archive(tmp_path, "first"), ["a:1"])
    (tmp_path / "node").mkdir()

    def refuse(_: Path) -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        archives.bring(tmp_path / "node", refuse)
    assert brought(archives, tmp_path / "node") == ["first"]
