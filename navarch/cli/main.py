"""`main`: from an argument list to an exit code.

Finds the command (its module is imported only then), reads its flags, runs it, and turns errors into
text. The commands themselves are listed in `verbs/__init__.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from navarch.cli.command import GLOBAL_FLAGS, Command
from navarch.cli.errors import CliError, Exit, FlagError, UsageError, report
from navarch.cli.flags import Flag, Options, Words, assign, parse, spelled
from navarch.cli.preferences import Defaults
from navarch.cli.preferences import load as load_preferences
from navarch.cli.session import Session
from navarch.cli.verbs import VERBS, load


def main(
    argv: Sequence[str],
    env: Mapping[str, str] = os.environ,
    *,
    stdin: TextIO | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Run one command line (without the program's name). Returns the exit code."""
    out, err = out or sys.stdout, err or sys.stderr
    try:
        return _run(list(argv), env, stdin, out, err)
    except CliError as error:
        return _failed(error, [], out, err)
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        return 130


def _run(argv: list[str], env: Mapping[str, str], stdin: TextIO | None, out: TextIO, err: TextIO) -> int:
    name, rest = next_word(argv, GLOBAL_FLAGS)
    if name is None or name == "help":
        return _help(rest if name else [], argv, out)
    preferences = load_preferences(argv, env)
    command, defaults = load(name), None
    if command is None and (alias := preferences.aliases.get(name)) is not None:
        name, defaults = alias.command[0], alias.defaults
        command, rest = load(name), [*alias.command[1:], *alias.before, *rest, *alias.after]
    if command is None:
        return _unknown(name, argv, env, err)
    path = [name]
    while command.children:
        name, inner = next_word(rest, (*GLOBAL_FLAGS, *command.flags))
        child = command.child(name) if name is not None else None
        if child is None:
            break
        command, rest = child, inner
        path.append(child.name)
    if _asks_for_help(rest) or command.run is None:
        from navarch.cli.help import page

        out.write(page(command, path))
        return 0 if _asks_for_help(rest) else 1
    session = None
    try:
        options, words = parse((*GLOBAL_FLAGS, *command.flags), rest, stop_at_word=command.stop_at_word)
        prefer(options, command, defaults if defaults is not None else preferences.defaults.get(" ".join(path), ()))
        session = Session(_settings(command, options), env, stdin=stdin, out=out, err=err)
        session.preferences = preferences
        _note(session, command, path, options, words)
        code = command.run(session, options, words)
    except CliError as error:
        return _failed(error, path, out, err)
    finally:
        if session is not None:
            session.close()
    out.flush()
    if options.warnings_as_errors and session.warnings:
        count = len(session.warnings)
        session.complain(f"error: {count} warning{'s' if count > 1 else ''} received")
        return 1
    return code


def prefer(options: Options, command: Command, defaults: Defaults) -> None:
    """Give flags that are not on the line the values that the user prefers. Raises: CliError."""
    flags = {flag.name: flag for flag in (*GLOBAL_FLAGS, *command.flags)}
    for name, text in defaults:
        if name not in flags:
            raise CliError(f"kuberc: unknown flag: --{name}")
        if name not in options.given:
            assign(options, flags[name], text, f"--{name}")


def _note(session: Session, command: Command, path: list[str], options: Options, words: Words) -> None:
    """What flags mean to the whole session: warn of those that are going to go, keep the line for `--record`."""
    for flag in command.flags:
        if flag.deprecated and flag.name in options.given:
            session.complain(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")
    session.chunk_size = getattr(options, "chunk_size", session.chunk_size)
    if getattr(options, "record", False):
        flags = sorted((*GLOBAL_FLAGS, *command.flags))
        given = [
            f"--{flag.name}={text}" for flag in flags if flag.name in options.given for text in spelled(flag, options)
        ]
        session.cause = " ".join(("kubectl", *path, *words.args, *given))


def _settings(command: Command, options: Options) -> Options:
    """The global flags alone. A command's own flag of the same name (`create rolebinding --user`) is not one."""
    settings = Options(GLOBAL_FLAGS)
    own = {flag.name for flag in command.flags}
    for flag in GLOBAL_FLAGS:
        if flag.name not in own:
            setattr(settings, flag.attribute, getattr(options, flag.attribute))
    return settings


def _failed(error: CliError, path: list[str], out: TextIO, err: TextIO) -> int:
    out.flush()
    advice, error.advice = error.advice, ""
    text = report(error)
    if isinstance(error, FlagError):
        text += f"\nSee 'kubectl {' '.join(path)} --help' for usage."
    elif isinstance(error, UsageError):
        text += f"\nSee 'kubectl {' '.join(path)} -h' for help and examples"
    if text and not isinstance(error, Exit):
        err.write(f"{text}{advice}\n")
        err.flush()
    return error.code


def next_word(argv: Sequence[str], flags: Sequence[Flag]) -> tuple[str | None, list[str]]:
    """The first argument that is neither a flag nor a flag's value, and the line without it."""
    takes_value = {f"--{flag.name}" for flag in flags if flag.kind != "bool" and flag.bare is None}
    takes_value |= {f"-{flag.short}" for flag in flags if flag.short and flag.kind != "bool" and flag.bare is None}
    skip = False
    for i, word in enumerate(argv):
        if skip:
            skip = False
        elif word == "--":
            break
        elif word.startswith("-") and word != "-":
            skip = word in takes_value
        else:
            return word, [*argv[:i], *argv[i + 1 :]]
    return None, list(argv)


def _asks_for_help(argv: Sequence[str]) -> bool:
    words = argv[: argv.index("--")] if "--" in argv else argv
    return "--help" in words or "-h" in words


def _help(words: list[str], argv: list[str], out: TextIO) -> int:
    from navarch.cli.help import page, root_page

    command: Command | None = None
    path: list[str] = []
    for word in words:
        command = load(word) if command is None else command.child(word) or command
        path.append(word)
    if command is None and not words:
        parse(GLOBAL_FLAGS, argv)
    out.write(page(command, path) if command is not None else root_page())
    return 0


def _unknown(name: str, argv: list[str], env: Mapping[str, str], err: TextIO) -> int:
    from navarch.cli.plugins import run_plugin, suggestions

    code = run_plugin(argv, env)
    if code is not None:
        return code
    if name.startswith("-"):
        parse(GLOBAL_FLAGS, argv)
    text = f'error: unknown command "{name}" for "kubectl"'
    similar = suggestions(name, [verb.name for verb in VERBS])
    if similar:
        text += "\n\nDid you mean this?\n" + "".join(f"\t{word}\n" for word in similar).rstrip("\n")
    err.write(text + "\n")
    return 1


def _reader_left() -> int:
    """The reader of our pipe is gone: nothing more can be said, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
