"""One layer of an image: entries in, a reproducible tar out.

A layer is a tuple of entries. The same entries over the same host files give the same bytes, so the
digests change only when the content does.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A file whose content stands in the recipe."""

    path: str
    content: str | bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the host with the shared libraries it needs, at `path` (default: where the host has it)."""

    source: str
    package: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class HostFile:
    """A plain file of the host."""

    source: str
    package: str


@dataclass(frozen=True, slots=True)
class Link:
    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Directory:
    path: str
    mode: int = 0o755


Entry = Text | Program | HostFile | Link | Directory


@dataclass(frozen=True, slots=True)
class Packed:
    """A layer's tar, compressed and not, and every host file that went into it."""

    tar: bytes
    compressed: bytes
    inputs: tuple[str, ...]


def missing_packages(entries: Iterable[Entry]) -> list[str]:
    """Debian packages to install before these entries can be packed."""
    sources = (e for e in entries if isinstance(e, Program | HostFile))
    return sorted({e.package for e in sources if not os.path.exists(e.source)})


def pack(entries: Sequence[Entry]) -> Packed:
    """The layer of these entries, whose host files are all there (`missing_packages` is empty)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        writer = _Writer(tar)
        for entry in entries:
            writer.add(entry)
    plain = buffer.getvalue()
    return Packed(plain, gzip.compress(plain, 6, mtime=0), tuple(writer.inputs))


def libraries(program: str) -> list[str]:
    """The shared libraries and the loader that `program` needs; none when it is static."""
    result = subprocess.run(["ldd", program], capture_output=True, text=True, env={"PATH": os.defpath, "LC_ALL": "C"})
    if result.returncode:
        return []  # "not a dynamic executable"
    return re.findall(r"(/\S+) \(0x", result.stdout)


class _Writer:
    """Fills the tar; parents are made on the way, the first of two entries for one path counts."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.inputs: list[str] = []
        self._tar = tar
        self._seen: set[str] = set()

    def add(self, entry: Entry) -> None:
        match entry:
            case Text(path, content, mode):
                self._file(path, content.encode() if isinstance(content, str) else content, mode)
            case Program(source, _, path):
                self._host_file(source, path or source)
                for library in libraries(source):
                    self._host_file(library, library)
            case HostFile(source, _):
                self._host_file(source, source)
            case Link(path, target):
                self._link(path, target)
            case Directory(path, mode):
                self._directory(path, mode)

    def _host_file(self, source: str, path: str) -> None:
        with open(source, "rb") as file:
            content = file.read()
            executable = os.fstat(file.fileno()).st_mode & stat.S_IXUSR
        self.inputs.append(source)
        self._file(path, content, 0o755 if executable else 0o644)

    def _claim(self, path: str) -> str:
        """The name inside the tar, or "" if it is there already."""
        name = path.strip("/")
        if name in self._seen:
            return ""
        if parent := os.path.dirname(name):
            self._directory(parent, 0o755)
        self._seen.add(name)
        return name

    def _file(self, path: str, content: bytes, mode: int) -> None:
        if name := self._claim(path):
            info = tarfile.TarInfo(name)
            info.mode, info.size = mode, len(content)
            self._tar.addfile(info, io.BytesIO(content))

    def _link(self, path: str, target: str) -> None:
        if name := self._claim(path):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
            self._tar.addfile(info)

    def _directory(self, path: str, mode: int) -> None:
        if name := self._claim(path):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            self._tar.addfile(info)
