"""What a command is: words, flags and a function. One module below `verbs/` declares each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from navarch.cli.flags import Flag, Options, Words

if TYPE_CHECKING:
    from navarch.cli.session import Session

Run = Callable[["Session", Options, Words], int]


class Command(NamedTuple):
    """A command, or (with `children`) a group of commands.

    `usage` is what follows the command's path; `examples` are (explanation, command line) pairs.
    """

    name: str
    summary: str
    flags: tuple[Flag, ...] = ()
    run: Run | None = None
    usage: str = ""
    about: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    children: tuple[Command, ...] = ()
    #: The first argument ends the flags: what follows is somebody else's command line.
    stop_at_word: bool = False

    def child(self, name: str) -> Command | None:
        return next((child for child in self.children if name == child.name or name in child.aliases), None)


GLOBAL_FLAGS: tuple[Flag, ...] = (
    Flag("as", help="Act as this user or service account"),
    Flag("as-group", kind="array", help="Act as a member of this group; may be repeated"),
    Flag("as-uid", help="Act with this user UID"),
    Flag("as-user-extra", kind="array", help="Act with this extra attribute (key=value); may be repeated"),
    Flag("cache-dir", help="Where answers of discovery are kept between commands"),
    Flag("certificate-authority", help="File with the certificates that the server is checked against"),
    Flag("client-certificate", help="File with the client certificate"),
    Flag("client-key", help="File with the key of the client certificate"),
    Flag("cluster", help="Name of the kubeconfig cluster to use"),
    Flag("context", help="Name of the kubeconfig context to use"),
    Flag("disable-compression", kind="bool", help="Ask for uncompressed answers"),
    Flag("insecure-skip-tls-verify", kind="bool", help="Do not check the server's certificate. Insecure"),
    Flag("kubeconfig", help="The kubeconfig file"),
    Flag("log-flush-frequency", kind="duration", default=5.0, hidden=True),
    Flag("kuberc", help="File with your preferences: defaults of flags, and aliases"),
    Flag("match-server-version", kind="bool", help="Fail unless the server has the client's version"),
    Flag("namespace", "n", help="The namespace to work in"),
    Flag("password", help="Password for basic authentication"),
    Flag("profile", hidden=True, default="none"),
    Flag("profile-output", hidden=True, default="profile.pprof"),
    Flag("request-timeout", default="0", help="How long one request may take, e.g. 1s, 2m; 0: no limit"),
    Flag("server", "s", help="Address and port of the API server"),
    Flag("tls-server-name", help="Name to check the server's certificate for"),
    Flag("token", help="Bearer token for the API server"),
    Flag("user", help="Name of the kubeconfig user to use"),
    Flag("username", help="User name for basic authentication"),
    Flag("v", "v", kind="int", help="How much to log about requests: 6 lines, 8 bodies"),
    Flag("vmodule", hidden=True),
    Flag("warnings-as-errors", kind="bool", help="End with an error if the server sent a warning"),
    Flag("help", "h", kind="bool", help="Show help for the command"),
)
