"""Command lines as kubectl reads them."""

from __future__ import annotations

import pytest

from navarch.cli.errors import FlagError
from navarch.cli.flags import Flag, duration, parse

FLAGS = (
    Flag("output", "o"),
    Flag("watch", "w", kind="bool"),
    Flag("wait", kind="bool", default=True),
    Flag("tail", kind="int", default=-1),
    Flag("dry-run", default="none", bare="unchanged"),
    Flag("filename", "f", kind="list"),
    Flag("env", "e", kind="array"),
    Flag("stdin", "i", kind="bool"),
    Flag("tty", "t", kind="bool"),
)


@pytest.mark.parametrize(
    ("argv", "attribute", "value"),
    [
        (["-oyaml"], "output", "yaml"),
        (["-o=yaml"], "output", "yaml"),
        (["-o", "yaml"], "output", "yaml"),
        (["--output=a=b"], "output", "a=b"),
        (["--wait=false"], "wait", False),
        (["--tail", "-1"], "tail", -1),
        (["--dry-run"], "dry_run", "unchanged"),
        (["--dry-run=client"], "dry_run", "client"),
        (["-f", "a,b", "-f", "c"], "filename", ["a", "b", "c"]),
        (["-e", "A=1,2"], "env", ["A=1,2"]),
        (["-it"], "tty", True),
    ],
)
def test_forms(argv: list[str], attribute: str, value: object) -> None:
    options, _ = parse(FLAGS, argv)
    assert getattr(options, attribute) == value


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["-z"], "unknown shorthand flag: 'z' in -z"),
        (["--output"], "flag needs an argument: --output"),
        (["-o"], "flag needs an argument: 'o' in -o"),
        (["--wait=x"], 'invalid argument "x" for "--wait" flag: strconv.ParseBool: parsing "x": invalid syntax'),
        (["--tail=x"], 'invalid argument "x" for "--tail" flag: strconv.ParseInt: parsing "x": invalid syntax'),
    ],
)
def test_refusals(argv: list[str], message: str) -> None:
    with pytest.raises(FlagError, match="^" + message.replace("(", r"\(").replace(".", r"\.")):
        parse(FLAGS, argv)


def test_words_behind_the_dash_are_left_alone() -> None:
    options, words = parse(FLAGS, ["pod", "-i", "--", "ls", "-o"])
    assert (words.before_dash(), words.after_dash(), options.stdin) == (["pod"], ["ls", "-o"], True)


def test_durations() -> None:
    assert [duration(text) for text in ("0", "1h30m", "1.5s", "-1s", "100ms")] == [0, 5400, 1.5, -1, 0.1]
    with pytest.raises(ValueError, match='missing unit in duration "5"'):
        duration("5")
