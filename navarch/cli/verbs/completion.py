"""`kubectl completion`: a script for the shell, and the words that it asks for.

The script calls `kubectl __complete WORD...` for every completion, so that it never knows more or less
than the command itself.
"""

from __future__ import annotations

from navarch.cli.command import GLOBAL_FLAGS, Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Options, Words
from navarch.cli.session import Session

_BASH = """# bash completion for kubectl
_kubectl_complete() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 0 ]] && compopt -o default 2>/dev/null
    return 0
}
complete -F _kubectl_complete kubectl
"""
_ZSH = """#compdef kubectl
compdef _kubectl kubectl
_kubectl() {
    local -a found
    found=(${(f)"$(${words[1]} __complete -- ${words[2,CURRENT]} 2>/dev/null)"})
    compadd -Q -- $found
}
"""
_FISH = """# fish completion for kubectl
complete -c kubectl -f -a '(set -l w (commandline -opc); kubectl __complete -- $w[2..-1] (commandline -ct) 2>/dev/null)'
"""
_POWERSHELL = """# powershell completion for kubectl
Register-ArgumentCompleter -Native -CommandName kubectl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object {
        $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    & kubectl __complete -- @words "$wordToComplete" 2>$null | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}
#: Commands whose words are a type and then names.
_ON_RESOURCES = frozenset(
    ("get", "describe", "delete", "edit", "label", "annotate", "patch", "scale", "expose", "autoscale", "wait")
)
_ON_PODS = frozenset(("logs", "exec", "attach", "port-forward"))
_ON_NODES = frozenset(("cordon", "uncordon", "drain"))


def run(session: Session, options: Options, words: Words) -> int:
    if not words.args:
        raise UsageError("Shell not specified.")
    if len(words.args) > 1:
        raise UsageError("Too many arguments. Expected only the shell type.")
    script = _SCRIPTS.get(words.args[0])
    if script is None:
        raise UsageError(f'Unsupported shell type "{words.args[0]}".')
    session.write(script)
    return 0


def _complete(session: Session, options: Options, words: Words) -> int:
    """Print what the last word may become, one a line."""
    *before, last = words.args or [""]
    session.write("".join(f"{word}\n" for word in _candidates(session, before, last) if word.startswith(last)))
    return 0


def _candidates(session: Session, before: list[str], last: str) -> list[str]:
    from navarch.cli.verbs import VERBS, load

    path = [word for word in before if not word.startswith("-")]
    if not path:
        return [verb.name for verb in VERBS if verb.name != "__complete"]
    command = load(path[0])
    if command is None:
        return []
    rest = path[1:]
    while command.children and rest and (child := command.child(rest[0])) is not None:
        command, rest = child, rest[1:]
    if last.startswith("-"):
        return sorted(f"--{flag.name}" for flag in (*command.flags, *GLOBAL_FLAGS) if not flag.hidden)
    if command.children and not rest:
        return [child.name for child in command.children]
    try:
        return _names(session, path[0], rest)
    except CliError:
        return []


def _names(session: Session, verb: str, rest: list[str]) -> list[str]:
    if verb in _ON_PODS or verb in _ON_NODES:
        resource = session.resources.find("pods" if verb in _ON_PODS else "nodes")
    elif verb in _ON_RESOURCES and not rest:
        return sorted(row.plural for row in session.resources.all() if row.preferred and "list" in row.verbs)
    elif verb in _ON_RESOURCES:
        resource = session.resources.find(rest[0])
    else:
        return []
    namespace = session.namespace if resource.namespaced else ""
    items = session.client.get(resource.path(namespace), [("limit", "500")]).tree().get("items") or []
    return [item["metadata"]["name"] for item in items]


COMMAND = Command(
    name="completion",
    summary="Print a script that completes commands in the shell",
    usage="SHELL",
    examples=(("In this bash, now", "completion bash > kubectl.sh; source kubectl.sh"),),
    run=run,
)
COMPLETE = Command(name="__complete", summary="Print what a word may become", run=_complete)
