"""`kubectl proxy`: the API server on a local port, without credentials."""

from __future__ import annotations

import os
import re

from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.proxying import Filter, Proxy, Rules
from navarch.cli.session import Session

_HOSTS = r"^localhost$,^127\.0\.0\.1$,^\[::1\]$"
_REFUSED = "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach"


def run(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise UsageError(f"unexpected arguments: {words.args}")
    if "port" in options.given and options.unix_socket:
        raise CliError("cannot set --unix-socket and --port at the same time")
    if options.www and not os.path.isdir(options.www):
        session.complain(f"Warning: {options.www} is not a directory")
    if options.disable_filter and not options.unix_socket:
        session.complain("Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious")
    client = session.client
    rules = Rules(
        _slashed(options.api_prefix),
        None if options.disable_filter else _filter(options),
        options.www,
        _slashed(options.www_prefix),
        client.prefix if options.append_server_path else "",
    )
    try:
        proxy = Proxy(client, rules, options.unix_socket or (options.address, options.port))
    except OSError as error:
        where = options.unix_socket or f"{options.address}:{options.port}"
        raise CliError(f"listen tcp {where}: bind: {(error.strerror or str(error)).lower()}") from error
    session.say(f"Starting to serve on {proxy.address}")
    session.out.flush()
    proxy.run()
    return 0


def _filter(options: Options) -> Filter:
    return Filter(
        _patterns("accept-hosts", options.accept_hosts),
        _patterns("accept-paths", options.accept_paths),
        _patterns("reject-paths", options.reject_paths),
        _patterns("reject-methods", options.reject_methods),
    )


def _patterns(flag: str, text: str) -> list[re.Pattern[str]]:
    try:
        return [re.compile(part) for part in text.split(",")]
    except re.error as error:
        raise CliError(f"--{flag}: error parsing regexp: {error}") from error


def _slashed(prefix: str) -> str:
    """With a slash at both ends."""
    inner = prefix.strip("/")
    return f"/{inner}/" if inner else "/"


COMMAND = Command(
    name="proxy",
    summary="Serve the API on a local port, with your identity",
    about=(
        "Serve the API server's API on a local port. Requests need no credentials: they are sent as yours.\n\n"
        "Only requests that name this host are taken, so that no web page can use them."
    ),
    usage="[--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix]",
    examples=(
        ("On port 8001", "proxy"),
        ("On some free port, with the files of a directory below /static/", "proxy --port=0 --www=./site"),
        ("The API below /k8s-api/", "proxy --api-prefix=/k8s-api"),
    ),
    flags=(
        Flag("accept-hosts", default=_HOSTS, help="Names of this host that requests may use: regular expressions"),
        Flag("accept-paths", default="^.*", help="Paths that may be asked for: regular expressions"),
        Flag("address", default="127.0.0.1", help="The address to serve on"),
        Flag("api-prefix", default="/", help="Where the API lies"),
        Flag("append-server-path", kind="bool", help="Put the path of the server's address before each path"),
        Flag("disable-filter", kind="bool", help="Take every request. Dangerous: any web page can send some"),
        Flag("keepalive", kind="duration", help="How often to check that idle connections live; 0: never"),
        Flag("port", "p", kind="int", default=8001, help="The port; 0: one that is free"),
        Flag("reject-methods", default="^$", help="Methods that are refused: regular expressions"),
        Flag("reject-paths", default=_REFUSED, help="Paths that are refused: regular expressions"),
        Flag("unix-socket", "u", help="Serve on this Unix socket instead of a port"),
        Flag("www", "w", help="Directory whose files are served, too"),
        Flag("www-prefix", "P", default="/static/", help="Where the files lie"),
    ),
    run=run,
)
