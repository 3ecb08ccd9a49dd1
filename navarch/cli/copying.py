"""Files to and from a container, as a tar archive through `tar` in the container.

Source: kubectl `cp` (forms of the arguments, what becomes of links, texts).
"""

from __future__ import annotations

import io
import os
import posixpath
import tarfile
import threading
from collections.abc import Callable
from typing import IO, NamedTuple

from navarch.cli.channels import RESULT, STDERR, STDIN, STDOUT, Channels, exit_code
from navarch.cli.errors import CliError

Warn = Callable[[str], None]
#: Opens an exec of the command in the container; the second word says whether it is given input.
Exec = Callable[[list[str], bool], Channels]


class Place(NamedTuple):
    """`[[namespace/]pod:]path`; a place without a pod is here."""

    namespace: str
    pod: str
    path: str


def place(text: str) -> Place:
    """Raises: CliError."""
    if ":" not in text:
        return Place("", "", text)
    if text.startswith(":"):
        raise CliError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    pod, _, path = text.partition(":")
    namespace, slash, name = pod.rpartition("/")
    if "/" in namespace or (slash and not namespace) or not name:
        raise CliError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    return Place(namespace, name, path)


def upload(run: Exec, source: str, target: str, preserve: bool) -> None:
    """Put a local file or directory to the target in the container; `preserve` owner and permissions.

    Raises: CliError if there is no such file, or the container's `tar` fails.
    """
    if not os.path.lexists(source):
        raise CliError(f"{source} doesn't exist in local filesystem")
    target = target.rstrip("/") or "/"
    if _is_directory(run, target):
        target = posixpath.join(target, os.path.basename(os.path.abspath(source)))
    directory, name = posixpath.split(target)
    kept = [] if preserve else ["--no-same-permissions", "--no-same-owner"]
    channels = run(["tar", *kept, "-xmf", "-", *(["-C", directory] if directory else [])], True)
    sending = threading.Thread(target=_send_archive, args=(channels, source, name), daemon=True)
    sending.start()
    _finish(channels, lambda data: None)


def _is_directory(run: Exec, target: str) -> bool:
    errors, code = _collect(run(["test", "-d", target], False), lambda data: None)
    return code == 0 and not errors


def _send_archive(channels: Channels, source: str, name: str) -> None:
    try:
        with tarfile.open(fileobj=_Sender(channels), mode="w|") as archive:
            archive.add(source, arcname=name)
        channels.close_input()
    except OSError:
        return  # the command is over; its result says why


class _Sender(io.RawIOBase):
    """Writes what it is given to the command's input."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        sent = bytes(data)  # type: ignore[call-overload]
        self._channels.send(STDIN, sent)
        return len(sent)


def download(run: Exec, source: str, target: str, warn: Warn) -> None:
    """Bring a file or directory of the container to the local target.

    Raises: CliError if the container's `tar` fails or sends a path that leads outside of the target.
    """
    if os.path.isdir(target):
        target = os.path.join(target, posixpath.basename(source.rstrip("/")))
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as archive:
        problems: list[CliError] = []
        unpacking = threading.Thread(target=_unpack, args=(archive, source, target, warn, problems))
        unpacking.start()
        try:
            with os.fdopen(writing, "wb", buffering=0) as pipe:
                _finish(run(["tar", "cf", "-", source], False), pipe.write)
        finally:
            unpacking.join()
    if problems:
        raise problems[0]


def _unpack(archive: IO[bytes], source: str, target: str, warn: Warn, problems: list[CliError]) -> None:
    try:
        with tarfile.open(fileobj=archive, mode="r|") as found:
            for member in found:
                _place_member(found, member, source, target, warn)
    except tarfile.ReadError:
        pass  # nothing came: the command's result says why
    except (OSError, CliError) as error:
        problems.append(error if isinstance(error, CliError) else CliError(str(error)))
    while archive.read(65536):
        pass  # whatever is left is in the sender's way


def _place_member(archive: tarfile.TarFile, member: tarfile.TarInfo, source: str, target: str, warn: Warn) -> None:
    path = _destination(member.name, source, target)
    if member.issym() or member.islnk():
        warn(f'skipping symlink: "{path}" -> "{member.linkname}"')
    elif member.isdir():
        os.makedirs(path, exist_ok=True)
    elif member.isfile():
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        content = archive.extractfile(member)
        assert content is not None
        with open(path, "wb") as file:
            while data := content.read(1 << 20):
                file.write(data)
        os.chmod(path, member.mode & 0o777)


def _destination(name: str, source: str, target: str) -> str:
    """Where a member goes. Raises: CliError for one that is not below what was asked for."""
    root = posixpath.normpath(source).lstrip("/")
    relative = posixpath.relpath(posixpath.normpath("/" + name), "/" + root)
    if relative == ".":
        return target
    if relative.startswith("../") or relative == "..":
        raise CliError(f'tar contents corrupted: "{name}" is not below "{source}"')
    return os.path.join(target, relative)


def _finish(channels: Channels, output: Callable[[bytes], object]) -> None:
    errors, code = _collect(channels, output)
    if code:
        raise CliError(errors.decode(errors="replace").strip() or f"command terminated with exit code {code}", code)


def _collect(channels: Channels, output: Callable[[bytes], object]) -> tuple[bytes, int]:
    """What the command wrote as errors, and its exit code. A local writer that fails ends the command."""
    errors, result = bytearray(), bytearray()

    def deliver(channel: int, data: bytes) -> None:
        if channel == STDOUT:
            output(data)
        elif channel == STDERR:
            errors.extend(data)
        elif channel == RESULT:
            result.extend(data)

    channels.read(deliver)
    return bytes(errors), exit_code(bytes(result))
