"""`kubectl create quota`, `poddisruptionbudget` and `priorityclass`."""

from __future__ import annotations

from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import command
from navarch.schema.types import Tree


def quota(name: str, options: Options, words: Words) -> Tree:
    spec: Tree = {}
    if options.hard:
        spec["hard"] = dict(sorted(_amount(part) for part in options.hard.split(",")))
    if options.scopes:
        spec["scopes"] = options.scopes.split(",")
    return {"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": name}, "spec": spec, "status": {}}


def _amount(text: str) -> tuple[str, str]:
    from navarch.base.quantity import QuantityError, canonical

    resource, equals, value = text.partition("=")
    if not equals or "=" in value:
        raise CliError(f"Invalid argument syntax {text}, expected <resource>=<value>")
    try:
        return resource, canonical(value)
    except QuantityError as error:
        raise CliError(str(error)) from error


def disruption_budget(name: str, options: Options, words: Words) -> Tree:
    if not options.selector:
        raise CliError("a selector must be specified")
    if not options.max_unavailable and not options.min_available:
        raise CliError("one of min-available or max-unavailable must be specified")
    if options.max_unavailable and options.min_available:
        raise CliError("min-available and max-unavailable cannot be both specified")
    spec: Tree = {}
    if options.min_available:
        spec["minAvailable"] = _int_or_text(options.min_available)
    spec["selector"] = {"matchLabels": dict(sorted(_pair(part) for part in options.selector.split(",")))}
    if options.max_unavailable:
        spec["maxUnavailable"] = _int_or_text(options.max_unavailable)
    status = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    return {
        "kind": "PodDisruptionBudget",
        "apiVersion": "policy/v1",
        "metadata": {"name": name},
        "spec": spec,
        "status": status,
    }


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key.strip(), value.lstrip("=").strip()


def _int_or_text(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdecimal() else text


def priority_class(name: str, options: Options, words: Words) -> Tree:
    tree: Tree = {
        "kind": "PriorityClass",
        "apiVersion": "scheduling.k8s.io/v1",
        "metadata": {"name": name},
        "value": options.value,
    }
    if options.global_default:
        tree["globalDefault"] = True
    if options.description:
        tree["description"] = options.description
    tree["preemptionPolicy"] = options.preemption_policy
    return tree


QUOTA = command(
    "quota",
    "Create a quota",
    quota,
    (
        Flag("hard", help="Limits: resource=amount, separated by commas"),
        Flag("scopes", help="Scopes that objects must match, separated by commas"),
    ),
    failure="failed to create quota",
    aliases=("resourcequota",),
    usage="NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2]",
    example="create quota team --hard=cpu=4,pods=10",
)
PDB = command(
    "poddisruptionbudget",
    "Create a pod disruption budget",
    disruption_budget,
    (
        Flag("max-unavailable", help="How many pods, or which share, may be missing"),
        Flag("min-available", help="How many pods, or which share, must stay"),
        Flag("selector", help="Labels of the pods"),
    ),
    failure="failed to create poddisruptionbudgets",
    aliases=("pdb",),
    usage="NAME --selector=SELECTOR --min-available=N",
    example="create pdb web --selector=app=web --min-available=1",
)
PRIORITYCLASS = command(
    "priorityclass",
    "Create a priority class",
    priority_class,
    (
        Flag("description", help="When to use it"),
        Flag("global-default", kind="bool", help="Pods without a class get this one"),
        Flag("preemption-policy", default="PreemptLowerPriority", help="PreemptLowerPriority or Never"),
        Flag("value", kind="int", help="The priority"),
    ),
    failure="failed to create priorityclass",
    aliases=("pc",),
    usage="NAME --value=VALUE --global-default=BOOL",
    example="create priorityclass high --value=1000",
)
