"""Profiles as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from navarch.base.errors import LaunchError
from navarch.launch.profile import DriverName, Home, Profile, check_name, home_of, node_spec


def test_a_profile_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    home = Home(tmp_path)
    profile, first = Profile("dev", DriverName.NETNS, number=1, mirrors=("http://m",)).with_node()
    profile, second = profile.with_node()
    home.save(profile)
    assert home.load("dev") == profile and home.names() == ("dev",)
    assert (first.name, second.name) == ("dev", "dev-m02")
    assert profile.server == "https://192.168.58.1:8443" and profile.service_ip(10) == "10.96.0.10"


def test_an_index_is_free_again_when_its_node_is_gone() -> None:
    profile = Profile("dev", DriverName.NETNS)
    for _ in range(3):
        profile, _node = profile.with_node()
    profile, again = profile.without_node("dev-m02").with_node("other")
    assert (again.name, again.index) == ("other", 1)
    assert node_spec(Path("/x"), profile, again).ip == "192.168.49.3"


def test_an_unknown_profile_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LaunchError) as error:
        Home(tmp_path).require("nope")
    assert error.value.exit_code == 85 and "navarch start -p nope" in error.value.advice


def test_a_broken_profile_is_no_surprise(tmp_path: Path) -> None:
    directory = Home(tmp_path).directory("half")
    directory.mkdir(parents=True)
    assert Home(tmp_path).load("half") is None
    (directory / "profile.json").write_text('{"name": "half"')
    with pytest.raises(LaunchError) as error:
        Home(tmp_path).load("half")
    assert error.value.id == "HOST_PROFILE_BROKEN" and "delete -p half" in error.value.advice


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a/b", "x" * 40])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(LaunchError):
        check_name(name)


def test_home_follows_the_environment(tmp_path: Path) -> None:
    assert home_of({"NAVARCH_HOME": str(tmp_path)}, Path("/root")).root == tmp_path
    assert home_of({}, Path("/root")).root == Path("/root/.navarch")
