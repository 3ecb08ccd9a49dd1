"""Image building: reproducible, cached, honest about what is missing."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from navarch.base.errors import LaunchError
from navarch.launch.images import build, save
from navarch.launch.images.elf import pause_program
from navarch.launch.images.layer import Directory, HostFile, Link, Program, Text, missing_packages, pack
from navarch.launch.images.layout import Layout, StoredImage, digest_of
from navarch.launch.images.recipes import Recipe, recipes

needs_packages = pytest.mark.skipif(
    bool(missing_packages(e for r in recipes() for layer in r.layers for e in layer)),
    reason="Debian packages of the images are not installed",
)


def test_pause_sleeps_until_sigterm_and_then_ends_well(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(pause_program())
    program.chmod(0o755)
    with subprocess.Popen([program]) as running:
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(0.05)
        running.terminate()
        assert running.wait(5) == 0


def test_layers_are_reproducible_and_make_parents() -> None:
    entries = (Text("/etc/app/conf", "x", 0o600), Link("/bin/sh", "bash"), Directory("/tmp", 0o1777))
    first, second = pack(entries), pack(entries)
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first.compressed))) as tar:
        modes = {info.name: info.mode for info in tar}
        assert modes == {
            "etc": 0o755,
            "etc/app": 0o755,
            "etc/app/conf": 0o600,
            "bin": 0o755,
            "bin/sh": 0o777,
            "tmp": 0o1777,
        }
        assert tar.getmember("bin/sh").linkname == "bash"


def test_the_first_of_two_entries_for_a_path_counts() -> None:
    packed = pack((Text("/a", "first"), Text("/a", "second")))
    with tarfile.open(fileobj=io.BytesIO(packed.tar)) as tar:
        member = tar.extractfile("a")
        assert member is not None and member.read() == b"first"


def test_programs_bring_their_libraries() -> None:
    packed = pack((Program("/bin/ls", "coreutils"),))
    with tarfile.open(fileobj=io.BytesIO(packed.tar)) as tar:
        names = tar.getnames()
        assert "bin/ls" in names
        assert any(name.endswith("libc.so.6") for name in names)
        assert tar.getmember("bin/ls").mode & stat.S_IXUSR
    assert "/bin/ls" in packed.inputs


def test_missing_packages_are_named_once() -> None:
    entries = (HostFile("/no/such/a", "pkg-b"), Program("/no/such/b", "pkg-a"), HostFile("/no/such/c", "pkg-b"))
    assert missing_packages(entries) == ["pkg-a", "pkg-b"]


def test_build_reports_missing_packages_with_the_command(tmp_path: Path) -> None:
    lacking = Recipe(("r/x:1",), ((HostFile("/no/such", "tiny-package"),),))
    with pytest.raises(LaunchError, match="tiny-package not installed") as raised:
        build(tmp_path, lambda: (lacking,))
    assert raised.value.advice == "apt-get install --no-install-recommends tiny-package"
    assert not (tmp_path / "index.json").exists()


@needs_packages
def test_a_second_build_does_nothing_and_a_touched_input_keeps_digests(tmp_path: Path) -> None:
    first = build(tmp_path)
    assert {"registry.k8s.io/pause:3.10", "docker.io/library/nginx:alpine"} <= set(first.rebuilt)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again = build(tmp_path)
    assert again.rebuilt == () and again.images == first.images
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before

    record = json.loads((tmp_path / "build.json").read_bytes())
    record["inputs"]["/bin/busybox"] = [1, 1]
    (tmp_path / "build.json").write_text(json.dumps(record))
    assert build(tmp_path).rebuilt == ()
    assert build(tmp_path).images == first.images


@needs_packages
def test_an_interrupted_build_is_made_good(tmp_path: Path) -> None:
    first = build(tmp_path)
    (tmp_path / "index.json").unlink()
    assert build(tmp_path).images == first.images


@needs_packages
def test_archives_hold_just_the_named_images(tmp_path: Path) -> None:
    layout = build(tmp_path / "images").layout
    save(layout, ["registry.k8s.io/pause:3.10"], tmp_path / "pause.tar")
    with tarfile.open(tmp_path / "pause.tar") as tar:
        names = tar.getnames()
        index = tar.extractfile("index.json")
        assert index is not None
        manifests = json.load(index)["manifests"]
    assert [m["annotations"]["io.containerd.image.name"] for m in manifests] == ["registry.k8s.io/pause:3.10"]
    assert sum(name.startswith("blobs/") for name in names) == 3  # manifest, config, one layer
    with pytest.raises(KeyError):
        save(layout, ["docker.io/library/nothing:1"], tmp_path / "nothing.tar")


def test_unnamed_blobs_are_dropped(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    digest, size = layout.add_image([(digest_of(b"tar"), b"gz")], {}, "amd64")
    layout.write_index([StoredImage("r/x:1", digest, size)])
    stale = layout.add_blob(b"stale")
    layout.drop_unnamed_blobs()
    assert not layout.blob_path(stale).exists()
    assert layout.blob_path(digest).exists() and len(os.listdir(tmp_path / "blobs" / "sha256")) == 3
