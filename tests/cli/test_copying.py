"""Files to and from a container; the container is this machine, its `tar` a child of the test's server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from navarch.cli.channels import Channels
from navarch.cli.copying import Exec, Place, download, place, upload
from navarch.cli.errors import CliError
from navarch.wire.channels import ERROR, STDERR, STDIN, STDOUT, Channel, exit_status
from navarch.wire.messages import Request, Response
from navarch.wire.upgrade import command_response
from tests.cli.node import serving

NUMBERS = frozenset({STDIN, STDOUT, STDERR, ERROR})


async def execute(request: Request) -> Response:
    """Run the command of the request's query, with the client's input if that is asked for."""
    query = parse_qs(request.query)
    return run_child(request, query["command"], "stdin" in query)


def run_child(request: Request, words: list[str], given: bool) -> Response:

    async def run(channels: Mapping[int, Channel]) -> bytes:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        assert child.stdin is not None
        if given:
            async for data in channels[STDIN]:
                child.stdin.write(data)
        child.stdin.close()
        out, errors = await child.stdout.read(), await child.stderr.read()  # type: ignore[union-attr]
        await channels[STDOUT].write(out)
        await channels[STDERR].write(errors)
        return exit_status(await child.wait())

    return command_response(request, NUMBERS, run)


@pytest.fixture
def run() -> Iterator[Exec]:
    with serving(execute) as client:

        def run_in(command: list[str], stdin: bool) -> Channels:
            query = [("command", word) for word in command]
            return Channels(client, "/exec", [*query, *([("stdin", "true")] if stdin else [])])

        yield run_in


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with a file of some size, one below it, and a link."""
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    (source / "large").write_bytes(os.urandom(300_000))
    (source / "below" / "small").write_text("hello")
    (source / "below" / "small").chmod(0o640)
    (source / "link").symlink_to("/etc/passwd")
    return source


def test_a_directory_there_and_back(run: Exec, tree: Path, tmp_path: Path) -> None:
    upload(run, str(tree), str(tmp_path / "there"), preserve=True)
    assert (tmp_path / "there/link").is_symlink()
    warned: list[str] = []
    download(run, str(tmp_path / "there"), str(tmp_path / "back"), warned.append)
    assert (tmp_path / "back/large").read_bytes() == (tree / "large").read_bytes()
    assert (tmp_path / "back/below/small").read_text() == "hello"
    assert (tmp_path / "back/below/small").stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "back/link").exists()
    assert warned == [f'skipping symlink: "{tmp_path}/back/link" -> "/etc/passwd"']


def test_into_a_directory_that_is_there(run: Exec, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    upload(run, str(tree / "below/small"), f"{tmp_path}/there/", preserve=False)
    assert (tmp_path / "there/small").read_text() == "hello"
    (tmp_path / "back").mkdir()
    download(run, f"{tmp_path}/there/small", str(tmp_path / "back"), pytest.fail)
    assert (tmp_path / "back/small").read_text() == "hello"


def test_a_file_under_another_name(run: Exec, tree: Path, tmp_path: Path) -> None:
    upload(run, str(tree / "below/small"), str(tmp_path / "renamed"), preserve=True)
    assert (tmp_path / "renamed").read_text() == "hello"


def test_what_is_not_there(run: Exec, tmp_path: Path) -> None:
    with pytest.raises(CliError, match="doesn't exist in local filesystem"):
        upload(run, str(tmp_path / "nope"), "/tmp", preserve=True)
    with pytest.raises(CliError, match="No such file or directory"):
        download(run, str(tmp_path / "nope"), str(tmp_path / "back"), pytest.fail)
    assert not (tmp_path / "back").exists()


def test_a_container_cannot_write_outside_of_the_target(tree: Path, tmp_path: Path) -> None:
    """A `tar` of the container's own making sends what it likes."""

    async def lie(request: Request) -> Response:
        changed = [f"--transform=s|small|{'../' * 9}{tmp_path}/stolen|", "-P", "-cf", "-", str(tree / "below/small")]
        return run_child(request, ["tar", *changed], False)

    with serving(lie) as client:

        def run(command: list[str], stdin: bool) -> Channels:
            return Channels(client, "/exec", ())

        with pytest.raises(CliError, match="tar contents corrupted"):
            download(run, str(tree / "below/small"), str(tmp_path / "back"), pytest.fail)
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/a/b", Place("", "", "/a/b")),
        ("pod:/a", Place("", "pod", "/a")),
        ("ns/pod:a:b", Place("ns", "pod", "a:b")),
    ],
)
def test_forms_of_a_place(text: str, found: Place) -> None:
    assert place(text) == found


@pytest.mark.parametrize("text", [":/a", "a/b/pod:/c", "/pod:/a", "ns/:/a"])
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(CliError, match="filespec must match"):
        place(text)
