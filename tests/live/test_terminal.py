"""At a terminal: sizes that change, Ctrl-C, and a terminal that is left as it was found; for both command lines."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.live.cluster import NAVARCH, PROGRAMS, ROOT, LiveCluster, Namespace, command_of, pod
from tests.live.machine import needs_machine
from tests.live.terminal import CTRL_C, CTRL_D, Terminal, terminal

pytestmark = [pytest.mark.live, needs_machine]

#: How a program ends that Ctrl-C ended: by the signal, or with the code that a shell would make of it.
INTERRUPTED = {-signal.SIGINT, 128 + signal.SIGINT}
#: The Go kubectl may be quick enough to catch it, and ends with a code of its own then.
CAUGHT = {0, 1}

Typed = Callable[..., AbstractContextManager[Terminal]]


@pytest.fixture(scope="module")
def talker(cluster: LiveCluster) -> Iterator[Namespace]:
    """A namespace with the pod `talker`, which says a line each second."""
    cluster.kubectl("create", "namespace", "terminals")
    namespace = Namespace(cluster, "terminals")
    namespace.apply(pod("talker", "while :; do echo still here; sleep 1; done"))
    namespace.wait_ready("talker")
    yield namespace
    cluster.kubectl("delete", "namespace", "terminals", "--wait=false")


@pytest.fixture(params=PROGRAMS, ids=os.path.basename)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def typed(talker: Namespace, program: str) -> Typed:
    """Runs the words with one of the programs."""

    def run(*words: str) -> AbstractContextManager[Terminal]:
        command = [*command_of(program), "-n", talker.name, *words]
        return terminal(command, talker.cluster.environment, ROOT)

    return run


def test_a_shell_follows_the_terminals_size(typed: Typed) -> None:
    with typed("exec", "-it", "talker", "--", "sh") as shell:
        shell.resize(33, 111)
        shell.type(b"echo ready $((6 * 7))\r")
        shell.until(b"ready 42")
        shell.type(b"until [[ $(stty size) == '33 111' ]]; do sleep 0.1; done; echo first $?\r")
        shell.until(b"first 0")
        shell.resize(44, 122)
        shell.type(b"until [[ $(stty size) == '44 122' ]]; do sleep 0.1; done; echo second $?\r")
        shell.until(b"second 0")
        shell.type(b"exit 5\r")
        assert shell.ended() == 5


def test_ctrl_c_reaches_the_program_in_the_pod(typed: Typed) -> None:
    with typed("exec", "-it", "talker", "--", "sh") as shell:
        # Told by the very process that is to be interrupted: only then it is in the foreground.
        shell.type(b"sh -c 'echo ready $((6 * 7)); exec sleep 1000'\r")
        shell.until(b"ready 42")
        assert shell.is_raw
        shell.type(CTRL_C)
        shell.type(b"echo it was $?\r")
        shell.until(b"it was 130")
        shell.until(b"# ")
        shell.type(CTRL_D)
        # What the last command of the shell ended with: the echo.
        assert shell.ended() == 0


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("get", "pods", "-w"), b"talker"),
        (("logs", "-f", "talker"), b"still here"),
        (("exec", "talker", "--", "sh", "-c", "echo begun; sleep 1000"), b"begun"),
        (("attach", "talker"), b"still here"),
        (("port-forward", "pod/talker", ":80"), b"Forwarding from"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_ctrl_c_ends_what_would_go_on(typed: Typed, program: str, words: tuple[str, ...], shown: bytes) -> None:
    with typed(*words) as command:
        command.until(shown)
        command.type(CTRL_C)
        assert command.ended() in (INTERRUPTED if program == NAVARCH else INTERRUPTED | CAUGHT)
        assert b"Traceback" not in command.said


def test_the_terminal_is_as_it_was_after_a_shell(talker: Namespace, program: str) -> None:
    """The program runs below a shell here, as at home, which finds its terminal usable again."""
    words = [*command_of(program), "-n", talker.name, "exec", "-it", "talker", "--", "sh", "-c", "read key; echo $key"]
    command = ["sh", "-c", f"{shlex.join(words)}; stty -a"]
    with terminal(command, talker.cluster.environment, ROOT) as shell:
        shell.type(b"typed\r")
        shell.until(b"typed\r\ntyped")
        shell.until(b"isig icanon")
        assert b"-isig" not in shell.said
        assert shell.ended() == 0
