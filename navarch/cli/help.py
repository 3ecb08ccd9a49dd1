"""Help pages, made of the commands' declarations."""

from __future__ import annotations

from navarch.cli.command import GLOBAL_FLAGS, Command
from navarch.cli.flags import Flag

_OPTIONS_HINT = 'Use "kubectl options" for a list of global command-line options (applies to all commands).\n'


def page(command: Command, path: list[str]) -> str:
    """What `kubectl COMMAND --help` prints."""
    full = "kubectl " + " ".join(path)
    parts = [command.about or command.summary + "."]
    if command.aliases:
        parts.append("Aliases:\n" + ", ".join((command.name, *command.aliases)))
    if command.examples:
        shown = (f"  # {why}\n  kubectl {line}" for why, line in command.examples)
        parts.append("Examples:\n" + "\n  \n".join(shown))
    if command.children:
        rows = [(child.name, child.summary) for child in sorted(command.children)]
        parts.append("Available Commands:\n" + columns(rows))
    if command.flags:
        parts.append("Options:\n" + options_text(command.flags))
    usage = f"{full} {command.usage}".rstrip()
    parts.append(f"Usage:\n  {usage}" + ("" if command.children else " [options]"))
    if command.children:
        parts.append(f'Use "{full} <command> --help" for more information about a given command.\n{_OPTIONS_HINT}')
    else:
        parts.append(_OPTIONS_HINT)
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def root_page() -> str:
    """What bare `kubectl` prints."""
    from navarch.cli.verbs import VERBS

    parts = ["kubectl works with the objects of a Kubernetes cluster."]
    groups: dict[str, list[tuple[str, str]]] = {}
    for verb in VERBS:
        if verb.group:
            groups.setdefault(verb.group, []).append((verb.name, verb.summary))
    parts += [f"{group}:\n{columns(rows)}" for group, rows in groups.items()]
    parts.append("Usage:\n  kubectl [flags] [options]")
    parts.append('Use "kubectl <command> --help" for more information about a given command.\n' + _OPTIONS_HINT)
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def options_page() -> str:
    """What `kubectl options` prints."""
    return f"The following options can be passed to any command:\n\n{options_text(GLOBAL_FLAGS)}\n"


def options_text(flags: tuple[Flag, ...]) -> str:
    shown = sorted(flag for flag in flags if not flag.hidden and flag.name != "help")
    return "\n".join(f"    {_spelled(flag)}:\n\t{flag.help or 'See the documentation'}.\n" for flag in shown)


def columns(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    return "".join(f"  {name.ljust(width)}{summary}\n" for name, summary in rows)


def _spelled(flag: Flag) -> str:
    initial = flag.initial
    if flag.kind == "bool":
        value = "true" if initial else "false"
    elif flag.kind in ("list", "array"):
        value = "[" + ",".join(initial) + "]"
    elif flag.kind == "int":
        value = str(initial)
    elif flag.kind == "duration":
        value = f"{initial:g}s"
    else:
        value = f"'{initial}'"
    short = f"-{flag.short}, " if flag.short and flag.short != flag.name else ""
    return f"{short}--{flag.name}={value}"
