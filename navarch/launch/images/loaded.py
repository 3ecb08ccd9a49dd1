"""The archives that were loaded into a profile's nodes, kept so that nodes which come later get them too.

    <profile>/archives/index.json           [{"file": "<digest>.tar", "images": ["docker.io/library/own:v1"]}, ...]
    <profile>/nodes/<node>/archives.json    the files that the node has

An archive whose images all come with a newer one is forgotten.

Source: minikube, whose nodes get the images of its cache when they are added.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

INDEX = "index.json"
HAS = "archives.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """One archive and the names it brought."""

    file: str
    images: tuple[str, ...]


class Archives:
    """Those of the profile whose directory is given, oldest first."""

    def __init__(self, profile: Path) -> None:
        self._place = profile / "archives"

    def all(self) -> tuple[Kept, ...]:
        index = self._place / INDEX
        if not index.exists():
            return ()
        return tuple(Kept(each["file"], tuple(each["images"])) for each in json.loads(index.read_text()))

    def keep(self, archive: Path, images: Iterable[str]) -> Kept:
        """Copy an archive that has been loaded."""
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        kept = Kept(f"{digest}.tar", tuple(sorted(images)))
        self._place.mkdir(parents=True, exist_ok=True)
        if not (self._place / kept.file).exists():
            part = self._place / f"{kept.file}.part"
            shutil.copyfile(archive, part)
            part.rename(self._place / kept.file)
        before = self.all()
        left = [each for each in before if each.file != kept.file and not set(each.images) <= set(kept.images)]
        self._write([*left, kept])
        for name in {each.file for each in before} - {each.file for each in (*left, kept)}:
            (self._place / name).unlink(missing_ok=True)
        return kept

    def _write(self, all_: Sequence[Kept]) -> None:
        part = self._place / f"{INDEX}.part"
        part.write_text(json.dumps([{"file": each.file, "images": each.images} for each in all_]))
        part.rename(self._place / INDEX)

    def bring(self, node: Path, load: Callable[[Path], object]) -> None:
        """Load what the node, whose directory is given, does not have yet. Raises: what `load` raises."""
        has = self._has(node)
        for kept in self.all():
            if kept.file not in has:
                load(self._place / kept.file)
                self.note(node, kept)

    def note(self, node: Path, kept: Kept) -> None:
        """The node has this archive."""
        (node / HAS).write_text(json.dumps([*(self._has(node) - {kept.file}), kept.file]))

    @staticmethod
    def _has(node: Path) -> set[str]:
        return set(json.loads((node / HAS).read_text())) if (node / HAS).exists() else set()
