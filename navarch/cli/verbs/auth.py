"""`kubectl auth`: what one may do, and who one is."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.output.tables import lines
from navarch.cli.resources import UnknownResource
from navarch.cli.selection import ALL_NAMESPACES
from navarch.cli.session import Session
from navarch.cli.verbs.auth_reconcile import RECONCILE
from navarch.schema.types import Tree

_REVIEWS = "/apis/authorization.k8s.io/v1"
_USAGE = (
    "you must specify two arguments: verb resource or verb resource/resourceName.\n"
    "See 'kubectl auth can-i -h' for help and examples."
)


def _can_i(session: Session, options: Options, words: Words) -> int:
    if options.list:
        return _list(session, options)
    if len(words.args) not in (2, 3):
        raise CliError(_USAGE)
    verb, target = words.args[0], words.args[1]
    spec = _non_resource(verb, target) if target.startswith("/") else _resource(session, options, words.args)
    body = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec}
    status = session.client.request("POST", f"{_REVIEWS}/selfsubjectaccessreviews", (), body).tree()["status"]
    if not options.quiet:
        why = f" - {status['reason']}" if status.get("reason") and not status["allowed"] else ""
        why += f" - {status['evaluationError']}" if status.get("evaluationError") and not status["allowed"] else ""
        session.say("yes" if status["allowed"] else f"no{why}")
    return 0 if status["allowed"] else 1


def _non_resource(verb: str, path: str) -> Tree:
    return {"nonResourceAttributes": {"verb": verb, "path": path}}


def _resource(session: Session, options: Options, args: list[str]) -> Tree:
    word, _, name = args[1].partition("/")
    if len(args) == 3:
        name = args[2]
    group, version, plural, namespaced = "", "", word, True
    if word == "*":
        group = version = "*"
    else:
        try:
            found = session.resources.find(word)
            group, version, plural, namespaced = found.group, found.version, found.plural, found.namespaced
        except UnknownResource:
            plural, _, group = word.partition(".")
            where = f" in group '{group}'" if group else ""
            session.complain(f"Warning: the server doesn't have a resource type '{plural}'{where}\n")
    namespace = "" if options.all_namespaces or not namespaced else session.namespace
    if not namespaced and not options.all_namespaces:
        where = f" in group '{group}'" if group else ""
        session.complain(f"Warning: resource '{plural}' is not namespace scoped{where}\n")
    attributes = {
        "namespace": namespace,
        "verb": args[0],
        "group": group,
        "version": version,
        "resource": plural,
        "subresource": options.subresource,
        "name": name,
    }
    return {"resourceAttributes": {key: value for key, value in attributes.items() if value}}


def _list(session: Session, options: Options) -> int:
    body = {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"namespace": session.namespace},
    }
    status = session.client.request("POST", f"{_REVIEWS}/selfsubjectrulesreviews", (), body).tree()["status"]
    rows: list[list[str]] = []
    for rule in status.get("resourceRules") or []:
        for resource in rule.get("resources") or []:
            for group in rule.get("apiGroups") or [""]:
                title = f"{resource}.{group}" if group else resource
                rows.append([title, "[]", _listed(rule.get("resourceNames")), _listed(rule.get("verbs"))])
    for rule in status.get("nonResourceRules") or []:
        rows += [["", f"[{url}]", "[]", _listed(rule.get("verbs"))] for url in rule.get("nonResourceURLs") or []]
    rows.sort(key=lambda row: (row[3], _group_of(row[0]), row[1]))
    head = [] if options.no_headers else [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]]
    session.write(lines(head + rows))
    return 0


def _group_of(title: str) -> tuple[bool, str, str]:
    """What a list is sorted by: resources by group and name, before paths."""
    name, _, group = title.partition(".")
    return not title, group, name


def _listed(values: list[str] | None) -> str:
    return "[" + " ".join(values or []) + "]"


def _whoami(session: Session, options: Options, words: Words) -> int:
    body = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = session.client.request("POST", path, (), body).tree()
    show = printer.make(session, options, sort=False)
    if show is not None:
        session.write(show(answer))
        return 0
    user = answer["status"]["userInfo"]
    rows = [["ATTRIBUTE", "VALUE"], ["Username", user.get("username", "")]]
    if user.get("uid"):
        rows.append(["UID", user["uid"]])
    if user.get("groups"):
        rows.append(["Groups", _listed(user["groups"])])
    rows += [[f"Extra: {key}", _listed(values)] for key, values in sorted((user.get("extra") or {}).items())]
    session.write(lines(rows))
    return 0


COMMAND = Command(
    name="auth",
    summary="Ask what one may do, and who one is",
    usage="[flags]",
    children=(
        Command(
            name="can-i",
            summary="Ask whether something is allowed",
            usage="VERB [TYPE | TYPE/NAME | NONRESOURCEURL]",
            flags=(
                ALL_NAMESPACES,
                Flag("list", kind="bool", help="List everything that is allowed"),
                Flag("no-headers", kind="bool", help="Leave out the column headers"),
                Flag("quiet", "q", kind="bool", help="Only the exit code"),
                Flag("subresource", help="A part of the object, such as log"),
            ),
            run=_can_i,
            examples=(("Create pods", "auth can-i create pods"),),
        ),
        RECONCILE,
        Command(name="whoami", summary="Show who the server takes one for", flags=printer.PRINT_FLAGS, run=_whoami),
    ),
)
