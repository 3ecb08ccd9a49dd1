"""Debian packages: what is missing, and containerd's age."""

from __future__ import annotations

from pathlib import Path

import pytest

from navarch.base.errors import LaunchError
from navarch.launch.packages import install, missing, require, require_containerd


def test_missing_files_name_their_packages(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/there").touch()
    assert missing({"/usr/there": "a", "/usr/gone": "c", "/bin/gone": "b"}, tmp_path) == ["b", "c"]


def test_what_to_do_is_said() -> None:
    with pytest.raises(LaunchError) as raised:
        require({"/no/such/file": "tiny-package"})
    assert raised.value.id == "HOST_MISSING_PACKAGES"
    assert raised.value.advice == "apt-get install --no-install-recommends tiny-package"
    require({"/": "root"})


def test_nothing_to_install_says_nothing() -> None:
    said: list[str] = []
    install([], said.append)
    assert said == []


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3", (1, 6)),
        ("containerd github.com/containerd/containerd/v2 v2.1.9 abcdef", (2, 1)),
    ],
)
def test_containerd_versions(line: str, version: tuple[int, int]) -> None:
    assert require_containerd(line) == version


@pytest.mark.parametrize(
    ("line", "reason"), [("containerd x 1.4.13~ds1 1.4.13", "RUNTIME_TOO_OLD"), ("what", "RUNTIME_UNKNOWN")]
)
def test_containerd_too_old_or_unknown(line: str, reason: str) -> None:
    with pytest.raises(LaunchError) as raised:
        require_containerd(line)
    assert raised.value.id == reason and raised.value.advice
