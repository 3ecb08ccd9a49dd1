"""`kubectl create role`, `clusterrole`, `rolebinding` and `clusterrolebinding`."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import CREATE_FLAGS, command, key_value, make, one_name
from navarch.cli.output import printer
from navarch.cli.resources import Resource, UnknownResource
from navarch.cli.session import Session
from navarch.schema.types import Tree

_GROUP = "rbac.authorization.k8s.io"
_API_VERSION = f"{_GROUP}/v1"
_RULE_FLAGS: tuple[Flag, ...] = (
    Flag("resource", kind="list", help="Resource types, as plural[.group][/subresource]"),
    Flag("resource-name", kind="array", help="Only the object of this name"),
    Flag("verb", kind="list", help="What is allowed: get, list, watch, create, ..."),
)
_SUBJECT_FLAGS: tuple[Flag, ...] = (
    Flag("clusterrole", help="The cluster role to bind"),
    Flag("group", kind="array", help="A group that gets the role"),
    Flag("serviceaccount", kind="array", help="A service account that gets it, as namespace:name"),
    Flag("user", kind="array", help="A user that gets it"),
)


def _run_role(session: Session, options: Options, words: Words) -> int:
    tree: Tree = {"kind": "Role", "apiVersion": _API_VERSION, "metadata": {"name": one_name(words)}}
    verbs = _verbs(options)
    if not options.resource:
        raise CliError("at least one resource must be specified")
    tree["rules"] = _rules(session, options, verbs)
    make(session, options, tree, printer.Reporter(session, options, sort=False))
    return 0


def _run_cluster_role(session: Session, options: Options, words: Words) -> int:
    tree: Tree = {"kind": "ClusterRole", "apiVersion": _API_VERSION, "metadata": {"name": one_name(words)}}
    if options.aggregation_rule:
        if options.verb or options.resource or options.non_resource_url:
            raise CliError("aggregation rule must be specified without nonResourceURLs, resources or verbs")
        labels = dict(sorted(key_value(part, "aggregation rule") for part in options.aggregation_rule.split(",")))
        tree["rules"] = None
        tree["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": labels}]}
    else:
        verbs = _verbs(options)
        if not options.resource and not options.non_resource_url:
            raise CliError("one of resource or nonResourceURL must be specified")
        tree["rules"] = _rules(session, options, verbs)
        if options.non_resource_url:
            tree["rules"].append({"verbs": verbs, "nonResourceURLs": options.non_resource_url})
    make(session, options, tree, printer.Reporter(session, options, sort=False))
    return 0


def _verbs(options: Options) -> list[str]:
    if not options.verb:
        raise CliError("at least one verb must be specified")
    return ["*"] if "*" in options.verb else list(dict.fromkeys(options.verb))


def _rules(session: Session, options: Options, verbs: list[str]) -> list[Tree]:
    """One rule for each API group, in the order in which the groups come up."""
    groups: dict[str, list[str]] = {}
    for word in dict.fromkeys(options.resource):
        group, plural = _resource(session, word)
        groups.setdefault(group, []).append(plural)
    rules: list[Tree] = []
    for group in sorted(groups):
        rule: Tree = {"verbs": verbs, "apiGroups": [group], "resources": groups[group]}
        if options.resource_name:
            rule["resourceNames"] = options.resource_name
        rules.append(rule)
    return rules


def _resource(session: Session, word: str) -> tuple[str, str]:
    """Group and `plural/subresource`. Raises: CliError for a type that the server lacks."""
    name, slash, subresource = word.partition("/")
    if name == "*":
        return "*", word
    try:
        found: Resource = session.resources.find(name)
    except UnknownResource as error:
        raise CliError(error.message, prefix=False) from error
    return found.group, found.plural + slash + subresource


def role_binding(name: str, options: Options, words: Words) -> Tree:
    if bool(options.clusterrole) == bool(options.role):
        raise CliError("exactly one of clusterrole or role must be specified")
    kind, role = ("Role", options.role) if options.role else ("ClusterRole", options.clusterrole)
    return _binding("RoleBinding", name, kind, role, options)


def cluster_role_binding(name: str, options: Options, words: Words) -> Tree:
    if not options.clusterrole:
        raise CliError('required flag(s) "clusterrole" not set')
    return _binding("ClusterRoleBinding", name, "ClusterRole", options.clusterrole, options)


def _binding(kind: str, name: str, role_kind: str, role: str, options: Options) -> Tree:
    tree: Tree = {"kind": kind, "apiVersion": _API_VERSION, "metadata": {"name": name}}
    subjects = [{"kind": "User", "apiGroup": _GROUP, "name": user} for user in options.user]
    subjects += [{"kind": "Group", "apiGroup": _GROUP, "name": group} for group in options.group]
    subjects += [_service_account(text) for text in options.serviceaccount]
    if subjects:
        tree["subjects"] = subjects
    tree["roleRef"] = {"apiGroup": _GROUP, "kind": role_kind, "name": role}
    return tree


def _service_account(text: str) -> Tree:
    namespace, colon, name = text.partition(":")
    if not colon or not namespace or not name or ":" in name:
        raise CliError("serviceaccount must be <namespace>:<name>")
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


ROLE = Command(
    name="role",
    summary="Create a role with one rule",
    flags=(*CREATE_FLAGS, *_RULE_FLAGS),
    run=_run_role,
    usage="NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename]",
    examples=(("Read pods", "create role reader --verb=get,list,watch --resource=pods"),),
)
CLUSTERROLE = Command(
    name="clusterrole",
    summary="Create a cluster role",
    flags=(
        *CREATE_FLAGS,
        *_RULE_FLAGS,
        Flag("aggregation-rule", help="Labels of the cluster roles to join together"),
        Flag("non-resource-url", kind="list", help="Path that is no resource, e.g. /healthz"),
    ),
    run=_run_cluster_role,
    usage="NAME --verb=verb --resource=resource.group [--resource-name=resourcename]",
    examples=(("Read pods", "create clusterrole reader --verb=get,list,watch --resource=pods"),),
)
ROLEBINDING = command(
    "rolebinding",
    "Create a role binding",
    role_binding,
    (*_SUBJECT_FLAGS, Flag("role", help="The role to bind")),
    failure="failed to create rolebinding",
    usage="NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname]",
    example="create rolebinding readers --role=reader --user=ann",
)
CLUSTERROLEBINDING = command(
    "clusterrolebinding",
    "Create a cluster role binding",
    cluster_role_binding,
    _SUBJECT_FLAGS,
    failure="failed to create clusterrolebinding",
    usage="NAME --clusterrole=NAME [--user=username] [--group=groupname]",
    example="create clusterrolebinding admins --clusterrole=admin --group=ops",
)
