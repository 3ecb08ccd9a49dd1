"""`navarch`: the command line. Verbs and flags are minikube's where minikube has them.

    navarch start [-p NAME] [--nodes N]      navarch kubectl -- get pods -A

Each verb imports what it needs when it runs: `navarch kubectl` is called all day and must be quick.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from navarch.base.errors import LaunchError

if TYPE_CHECKING:
    from navarch.launch.output import Output
    from navarch.launch.profile import Home

USAGE_CODE = 64
SYSTEM_CODE = 50
NODES_MAX = 183
DESCRIPTION = "navarch runs Kubernetes on this machine: real containers as root, pretended ones otherwise."
Run = Callable[[argparse.Namespace, "Home", "Output"], int]


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of one command line."""
    words = list(sys.argv[1:] if argv is None else argv)
    from navarch.launch.output import standard_output

    out = standard_output(os.environ)
    try:
        profile, rest = _leading_profile(words)
        if rest[:1] == ["kubectl"]:
            inner, rest = _leading_profile(rest[1:], profile)
            return _kubectl(inner, rest)
        if rest[:1] == ["control-plane"]:
            return _control_plane(rest[1:])
        return _run(words, out)
    except LaunchError as error:
        out.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, grep -q) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        out.error(_of_the_system(error))
        return SYSTEM_CODE


def _of_the_system(error: OSError) -> LaunchError:
    """What the operating system refused, as the launcher says it."""
    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "free some space, or keep clusters elsewhere: NAVARCH_HOME=DIRECTORY"
        return LaunchError("HOST_DISK_FULL", f"the disk is full{where}", advice, SYSTEM_CODE)
    return LaunchError("HOST_SYSTEM", f"{error.strerror or error}{where}", "", SYSTEM_CODE)


def _run(words: list[str], out: Output) -> int:
    from navarch.launch.profile import home_of

    words, command = _split(words)
    options = _parser().parse_args(words)
    if not hasattr(options, "run"):
        _parser().print_help()
        return os.EX_OK
    options.command = command
    run: Run = options.run
    return run(options, home_of(os.environ, Path.home()), out)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """The launcher's own words, and those after `--`."""
    if "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    return words, []


def _leading_profile(words: list[str], default: str = "navarch") -> tuple[str, list[str]]:
    """`-p NAME` before the verb, or before kubectl's words."""
    if words[:1] in (["-p"], ["--profile"]) and len(words) > 1:
        return words[1], words[2:]
    if words and words[0].startswith("--profile="):
        return words[0].partition("=")[2], words[1:]
    return default, words


def _kubectl(profile: str, words: list[str]) -> int:
    """Our own kubectl, towards the profile unless the words say otherwise."""
    if words[:1] == ["--"]:
        words = words[1:]
    chosen = ("--context", "--cluster", "--kubeconfig", "--server", "-s")
    if not any(word.partition("=")[0] in chosen for word in words) and _has_context(profile):
        words = [f"--context={profile}", *words]
    from navarch.cli.main import main as kubectl

    return kubectl(words)


def _has_context(profile: str) -> bool:
    """Whether some kubeconfig file names the profile; a look at the text has to do, for speed."""
    listed = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    for name in filter(None, listed.split(os.pathsep)):
        try:
            if f"name: {profile}\n" in Path(name).read_text():
                return True
        except OSError:
            continue
    return False


class _Parser(argparse.ArgumentParser):
    """Says what was wrong as the launcher says it."""

    def error(self, message: str) -> NoReturn:
        raise LaunchError("MK_USAGE", message, f"see: {self.prog} --help", USAGE_CODE)


Group: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _parser() -> argparse.ArgumentParser:
    from navarch.launch.flags import add_accepted
    from navarch.launch.profile import DEFAULT_NAME

    common = _Parser(add_help=False)
    common.add_argument("-p", "--profile", default=argparse.SUPPRESS, help=f"the cluster's name ({DEFAULT_NAME})")
    parser = _Parser("navarch", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("-p", "--profile", default=DEFAULT_NAME, help=f"the cluster's name ({DEFAULT_NAME})")
    verbs: Group = parser.add_subparsers(title="verbs", metavar="VERB", parser_class=_Parser)

    def verb(name: str, run: Run, help_: str, of: Group = verbs) -> _Parser:
        made = of.add_parser(name, help=help_, description=help_, parents=[common], allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    _add_start(verb("start", _start, "start a cluster, or bring a stopped one back"), add_accepted)
    status = verb("status", _status, "what of the cluster runs")
    status.add_argument("-o", "--output", choices=("text", "json"), default="text")
    verb("stop", _stop, "stop a cluster; everything stays for the next start")
    delete = verb("delete", _delete, "delete a cluster")
    delete.add_argument("--all", action="store_true", help="every profile")
    delete.add_argument("--purge", action="store_true", help="with --all: everything navarch keeps, too")
    version = verb("version", _version, "the version of navarch")
    version.add_argument("--short", action="store_true", help="nothing but the number")
    ssh = verb("ssh", _ssh, "a shell inside a node, or a command after --")
    ssh.add_argument("-n", "--node", default="", help="which node")
    ssh.add_argument("words", nargs="*", metavar="COMMAND")
    verb("ip", _ip, "a node's address").add_argument("-n", "--node", default="", help="which node, the first if none")
    service = verb("service", _service, "where a service answers; `list` for all")
    service.add_argument("name", metavar="NAME")
    service.add_argument("-n", "--namespace", default="")
    service.add_argument("--url", action="store_true", help="nothing but the URL")
    dashboard = verb("dashboard", _dashboard, "the cluster in a browser")
    dashboard.add_argument("--url", action="store_true", help="print the address, open no browser")
    dashboard.add_argument("--port", type=int, default=0, help="the pages' port; 0 takes a free one")
    dashboard.add_argument("--kubeconfig", default="", help="of another cluster's, instead of the profile")
    logs = verb("logs", _logs, "the last lines of the cluster's processes")
    logs.add_argument("-n", "--length", type=int, default=60)
    logs.add_argument("-f", "--follow", action="store_true")
    verb("kubectl", _help_kubectl, "kubectl of this cluster: navarch kubectl -- get pods")
    serve = verb("serve", _serve, "a cluster in the foreground, in one process")
    serve.add_argument("--simulated", action="store_true", required=True, help="nodes without containers")
    serve.add_argument("--nodes", type=_count, default=1)
    serve.add_argument("--port", type=int, default=0, help="the API's port; 0 takes a free one")
    serve.add_argument("--directory", type=Path, default=None, help="where its state is kept")
    serve.add_argument("--audit-policy-file", type=Path, default=None, help="what logs/audit.log is to say")
    verb("control-plane", _help_control_plane, "a control plane in the foreground, with kube-apiserver's flags")
    _add_groups(verb)
    return parser


def _add_start(start: argparse.ArgumentParser, add_accepted: Callable[[argparse.ArgumentParser], None]) -> None:
    start.add_argument("--nodes", "-n", type=_count, default=1, help="how many nodes")
    start.add_argument("--driver", default="", help="netns (real, the default for root) or fake")
    start.add_argument("--apiserver-port", type=int, default=0)
    start.add_argument("--registry-mirror", action="append", default=[], help="ask this registry before others")
    start.add_argument("--wait", nargs="?", const="all", default="all", help="false: do not wait for nodes")
    start.add_argument("--ha", action="store_true", help="three control planes on an etcd of three members")
    start.add_argument("--control-planes", type=_planes, default=1, help="how many; several share an etcd")
    start.add_argument(
        "--extra-config", action="append", default=[], metavar="COMPONENT.FLAG=VALUE", help="a flag for a component"
    )
    start.add_argument("--no-install", action="store_true", help="fail where Debian packages are missing")
    add_accepted(start)


def _add_groups(verb: Callable[..., _Parser]) -> None:
    from navarch.app.main_join import add_join, add_tokens, list_tokens

    node = verb("node", _node_list, "the cluster's nodes").add_subparsers(metavar="VERB", parser_class=_Parser)
    verb("list", _node_list, "names and addresses", of=node)
    verb("add", _node_add, "one node more", of=node).add_argument("name", nargs="?", default="")
    verb("delete", _node_delete, "remove a node", of=node).add_argument("name")
    add_join(verb, node)
    add_tokens(verb, verb("token", list_tokens, "bootstrap tokens, with which nodes join"))
    image = verb("image", _image_help, "images in the cluster").add_subparsers(metavar="VERB", parser_class=_Parser)
    verb("load", _image_load, "put an archive into every node", of=image).add_argument("archive", type=Path)
    addons = verb("addons", _addons_list, "what can be switched on and off").add_subparsers(
        metavar="VERB", parser_class=_Parser
    )
    verb("list", _addons_list, "all addons", of=addons)
    verb("enable", _addons_enable, "switch one on", of=addons).add_argument("addon")
    verb("disable", _addons_disable, "switch one off", of=addons).add_argument("addon")
    profile = verb("profile", _profile_list, "the profiles").add_subparsers(metavar="VERB", parser_class=_Parser)
    verb("list", _profile_list, "all profiles", of=profile)


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= NODES_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {NODES_MAX}")
    return number


def _planes(text: str) -> int:
    from navarch.launch.profile import CONTROL_PLANE_LIMIT

    number = int(text)
    if not 1 <= number <= CONTROL_PLANE_LIMIT:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {CONTROL_PLANE_LIMIT}")
    return number


# --- verbs


def _kubeconfig() -> Path:
    from navarch.launch.kubeconfig import kubeconfig_path

    return kubeconfig_path(os.environ, Path.home())


def _start(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import verbs
    from navarch.launch.flags import say_accepted
    from navarch.launch.phases import StartOptions
    from navarch.launch.profile import DriverName

    drivers: dict[str, DriverName | None] = {**{str(name): name for name in DriverName}, "": None, "auto": None}
    for name in ("none", "docker", "podman", "kvm2", "virtualbox", "qemu2", "ssh", "vmware"):
        drivers[name] = None
    if options.driver not in drivers:
        known = ", ".join(DriverName)
        raise LaunchError("DRV_UNSUPPORTED_OS", f'there is no driver "{options.driver}"', f"drivers: {known}", 56)
    if options.driver and drivers[options.driver] is None:
        out.note(f"--driver={options.driver} is not needed: nodes are namespaces of this machine")
    say_accepted(options, out)
    _check_extra_config(options.extra_config)
    wanted = StartOptions(
        options.profile,
        options.nodes,
        drivers[options.driver],
        options.apiserver_port,
        tuple(options.registry_mirror),
        max(options.control_planes, 3) if options.ha else options.control_planes,
        tuple(options.extra_config),
        options.wait != "false",
        not options.no_install,
        _kubeconfig(),
    )
    return verbs.start(home, wanted, out)


def _check_extra_config(extra: Sequence[str]) -> None:
    if extra:
        from navarch.app.plane_flags import flags_of
        from navarch.base.errors import UsageError

        try:
            flags_of(extra)
        except UsageError as error:
            raise LaunchError("MK_USAGE", str(error), "see: navarch control-plane --help", USAGE_CODE) from error


def _status(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import status
    from navarch.launch.machine import Cluster

    statuses = status.status(Cluster(home, home.require(options.profile)), _kubeconfig())
    return status.show(statuses, options.output, out)


def _stop(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import verbs

    return verbs.stop(home, options.profile, out)


def _delete(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import verbs

    if options.purge and not options.all:
        raise LaunchError("MK_USAGE", "--purge is for all profiles", "navarch delete --all --purge", USAGE_CODE)
    if options.all:
        return verbs.delete_all(home, options.purge, _kubeconfig(), out)
    return verbs.delete(home, options.profile, _kubeconfig(), out)


def _version(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch.version import commit, version

    out.plain(f"v{version()}" if options.short else f"navarch version: v{version()}\ncommit: {commit()}")
    return os.EX_OK


def _ip(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import node
    from navarch.launch.machine import Cluster

    profile = home.require(options.profile)
    out.plain(node.address(Cluster(home, profile), node.find(profile, options.node)))
    return os.EX_OK


def _ssh(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import verbs

    return verbs.ssh(home, options.profile, options.node, [*options.words, *options.command])


def _service(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import node, service
    from navarch.launch.machine import Cluster

    cluster = Cluster(home, home.require(options.profile))
    address = node.address(cluster, cluster.profile.nodes[0])
    if options.name == "list":
        out.plain(service.table(service.list_services(cluster.api(), address, options.namespace)))
        return os.EX_OK
    row = service.find_service(cluster.api(), address, options.name, options.namespace or "default")
    return service.open_service(row, options.url, out)


def _dashboard(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import dashboard
    from navarch.launch.machine import Cluster

    if options.kubeconfig:
        client = dashboard.client_of_file(options.kubeconfig, os.environ)
    else:
        client = dashboard.client_of(Cluster(home, home.require(options.profile)))
    return dashboard.run(client, options.port, options.url, out)


def _logs(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import verbs

    return verbs.logs(home, options.profile, options.length, options.follow, out)


def _help_kubectl(options: argparse.Namespace, home: Home, out: Output) -> int:
    return _kubectl(options.profile, options.command)


def _serve(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.app.serve import serve

    directory = options.directory or home.root / "simulated"
    return serve(directory, options.nodes, options.port, out, options.audit_policy_file)


def _control_plane(words: list[str]) -> int:
    from navarch.app.standalone import run

    return run(words)


def _help_control_plane(options: argparse.Namespace, home: Home, out: Output) -> int:
    return _control_plane(["--help"])


def _node_list(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import node
    from navarch.launch.machine import Cluster

    node.list_nodes(Cluster(home, home.require(options.profile)), out)
    return os.EX_OK


def _node_add(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import node
    from navarch.launch.machine import locked

    with locked(home, options.profile):
        node.add(home, home.require(options.profile), options.name, out)
    return os.EX_OK


def _node_delete(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import node
    from navarch.launch.machine import locked

    with locked(home, options.profile):
        node.delete(home, home.require(options.profile), options.name, out)
    return os.EX_OK


def _image_help(options: argparse.Namespace, home: Home, out: Output) -> int:
    raise LaunchError("MK_USAGE", "image needs a verb", "navarch image load ARCHIVE", USAGE_CODE)


def _image_load(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch import verbs

    return verbs.load_image(home, options.profile, options.archive, out)


def _addons_list(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch.addons import verbs

    return verbs.list_all(home, options.profile, out)


def _addons_enable(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch.addons import verbs

    return verbs.enable(home, options.profile, options.addon, out)


def _addons_disable(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.launch.addons import verbs

    return verbs.disable(home, options.profile, options.addon, out)


def _profile_list(options: argparse.Namespace, home: Home, out: Output) -> int:
    for name in home.names():
        out.plain(name)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
