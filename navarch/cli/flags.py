"""Flags as kubectl reads them: anywhere on the line, `-oyaml`, `-o=yaml`, `--wait=false`, `--dry-run`.

A flag's value is the next word, except for booleans and flags with a value for the bare form. argparse
reads neither `--wait=false` nor `-o=yaml` so, guesses abbreviations, and costs more to import than this.

Worked example:
    >>> options, words = parse((Flag("output", "o"), Flag("watch", "w", kind="bool")), ["get", "-oyaml", "-w"])
    >>> options.output, options.watch, words.args
    ('yaml', True, ['get'])

Source: pflag's syntax and error texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from navarch.cli.errors import FlagError

_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Flag(NamedTuple):
    """One flag. `bare`: the value of the form without one (`--dry-run`); None demands a value.

    Kinds: string, bool, int, duration (seconds), list (commas separate), array (commas do not).
    """

    name: str
    short: str = ""
    kind: str = "string"
    default: Any = None
    bare: str | None = None
    help: str = ""
    hidden: bool = False
    #: What to say when it is used.
    deprecated: str = ""

    @property
    def initial(self) -> Any:
        if self.default is not None:
            return self.default
        return {"bool": False, "int": 0, "duration": 0.0, "list": [], "array": []}.get(self.kind, "")

    @property
    def attribute(self) -> str:
        return self.name.replace("-", "_")


class Options:
    """The values of all flags as attributes (`--dry-run` is `dry_run`); `given` names those on the line."""

    def __init__(self, flags: Iterable[Flag]) -> None:
        self.given: set[str] = set()
        for flag in flags:
            initial = flag.initial
            setattr(self, flag.attribute, list(initial) if isinstance(initial, list) else initial)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no flag is called {name}")


class Words(NamedTuple):
    """The arguments that are no flags. `dash`: how many of them stand before `--`, -1 without one."""

    args: list[str]
    dash: int = -1

    def before_dash(self) -> list[str]:
        return self.args if self.dash < 0 else self.args[: self.dash]

    def after_dash(self) -> list[str]:
        return [] if self.dash < 0 else self.args[self.dash :]


def parse(flags: Sequence[Flag], argv: Sequence[str], *, stop_at_word: bool = False) -> tuple[Options, Words]:
    """Read `argv`. `stop_at_word`: the first argument ends the flags, as in plugin command lines.

    Raises: FlagError with pflag's text.
    """
    options = Options(flags)
    by_name = {flag.name: flag for flag in flags}
    by_short = {flag.short: flag for flag in flags if flag.short}
    args: list[str] = []
    rest = list(argv)
    rest.reverse()
    while rest:
        word = rest.pop()
        if word == "--":
            return options, Words(args + rest[::-1], len(args))
        if word.startswith("--"):
            _long(options, by_name, word, rest)
        elif word.startswith("-") and word != "-":
            _short(options, by_short, word, rest)
        else:
            args.append(word)
            if stop_at_word:
                return options, Words(args + rest[::-1])
    return options, Words(args)


def _long(options: Options, by_name: dict[str, Flag], word: str, rest: list[str]) -> None:
    name, equals, value = word[2:].partition("=")
    if not name or name[0] in "-=":
        raise FlagError(f"bad flag syntax: {word}")
    flag = by_name.get(name)
    if flag is None:
        from navarch.cli.plugins import hint

        error = FlagError("help requested" if name == "help" else f"unknown flag: --{name}")
        error.advice = hint(name, by_name).replace("mean ", "mean --").replace(" or ", " or --")
        raise error
    if not equals:
        value = _bare(flag, rest, f"flag needs an argument: --{name}")
    assign(options, flag, value, f"--{name}" if not flag.short else f"-{flag.short}, --{name}")


def _short(options: Options, by_short: dict[str, Flag], word: str, rest: list[str]) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = by_short.get(letter)
        if flag is None:
            raise FlagError(f"unknown shorthand flag: '{letter}' in {word}")
        if letters.startswith("="):
            value, letters = letters[1:], ""
        elif flag.kind == "bool" or flag.bare is not None:
            value = flag.bare or "true"
        elif letters:
            value, letters = letters, ""
        else:
            value = _bare(flag, rest, f"flag needs an argument: '{letter}' in {word}")
        assign(options, flag, value, f"-{flag.short}, --{flag.name}")


def _bare(flag: Flag, rest: list[str], missing: str) -> str:
    if flag.bare is not None:
        return flag.bare
    if flag.kind == "bool":
        return "true"
    if not rest:
        raise FlagError(missing)
    return rest.pop()


def assign(options: Options, flag: Flag, text: str, shown: str) -> None:
    """Set a flag from its text; `shown` is what messages call it. Raises: FlagError."""
    try:
        value = convert(flag.kind, text)
    except ValueError as error:
        raise FlagError(f'invalid argument "{text}" for "{shown}" flag: {error}') from error
    first = flag.name not in options.given
    options.given.add(flag.name)
    if flag.kind in ("list", "array") and not first:
        value = getattr(options, flag.attribute) + value
    setattr(options, flag.attribute, value)


def spelled(flag: Flag, options: Options) -> list[str]:
    """A flag's value as text, one for each of a list's."""
    value = getattr(options, flag.attribute)
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def convert(kind: str, text: str) -> Any:
    """The value of a flag's text. Raises: ValueError with Go's text."""
    if kind == "bool":
        if text not in _BOOLEANS:
            raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        return _BOOLEANS[text]
    if kind == "int":
        try:
            return int(text, 0) if not text.lstrip("+-").startswith("0") else int(text)
        except ValueError:
            raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if kind == "duration":
        return duration(text)
    if kind == "list":
        return _comma_separated(text)
    return [text] if kind == "array" else text


def duration(text: str) -> float:
    """Go's durations in seconds: `1h30m`, `0`, `-1s`. Raises: ValueError with Go's text."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0.0
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        if not number.strip("."):
            raise ValueError(f'time: invalid duration "{text}"')
        letters = len(rest)
        for i, char in enumerate(rest):
            if char in "0123456789.":
                letters = i
                break
        unit, rest = rest[:letters], rest[letters:]
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS_S:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _UNITS_S[unit]
    return sign * total


def _comma_separated(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",") if text else []
    import csv  # only quoted lists need it

    return next(csv.reader([text]))
