"""`kubectl scale` and `kubectl autoscale`."""

from __future__ import annotations

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import CREATE_FLAGS, make
from navarch.cli.output import printer
from navarch.cli.selection import Found, select
from navarch.cli.session import Session
from navarch.schema.types import Tree


def run(session: Session, options: Options, words: Words) -> int:
    if "replicas" not in options.given:
        raise CliError('required flag(s) "replicas" not set')
    if options.replicas < 0:
        raise UsageError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    reporter = printer.Reporter(session, options)
    problems: list[CliError] = []
    for found in select(session, options, words.args):
        try:
            if isinstance(found, CliError):
                raise found
            _scale(session, options, found, reporter)
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _scale(session: Session, options: Options, found: Found, reporter: printer.Reporter) -> None:
    path = f"{found.path}/scale"
    scale = session.client.get(path).tree()
    current = (scale.get("spec") or {}).get("replicas", 0)
    if options.current_replicas >= 0 and current != options.current_replicas:
        raise CliError(f"Expected replicas to be {options.current_replicas}, was {current}")
    version = found.tree["metadata"]["resourceVersion"]
    if options.resource_version and version != options.resource_version:
        raise CliError(f"Expected resource version to be {options.resource_version}, was {version}")
    tree: Tree = found.tree
    if printer.dry_run(options) == "client":
        tree = {**tree, "spec": {**tree["spec"], "replicas": options.replicas}}
    else:
        query = [(name, value) for name, value in writes.query(options) if name != "fieldManager"]
        body = {"spec": {"replicas": options.replicas}}
        session.client.request("PATCH", path, query, body, content_type=writes.MERGE)
    if reporter.wants_object and printer.dry_run(options) == "none":
        tree = session.client.get(found.path).tree()
    reporter.done(found.resource, tree, "scaled")


def _run_autoscale(session: Session, options: Options, words: Words) -> int:
    if "max" not in options.given:
        raise CliError('required flag(s) "max" not set')
    if "cpu-percent" in options.given:
        session.complain(
            "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity format "
            "(e.g., '70%' for utilization or '500m' for milliCPU)."
        )
    if options.max < 1:
        raise CliError(f"--max=MAXPODS is required and must be at least 1, max: {options.max}")
    if options.max < options.min:
        raise CliError(
            f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {options.max}, min: {options.min}"
        )
    reporter = printer.Reporter(session, options, sort=False)
    problems: list[CliError] = []
    for found in select(session, options, words.args, local=True):
        try:
            if isinstance(found, CliError):
                raise found
            if "scale" not in found.resource.subresources:
                raise CliError(f"cannot autoscale a {found.resource.kind}: no scale subresource")
            make(session, options, _autoscaler(options, found), reporter, operation="autoscaled")
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _autoscaler(options: Options, found: Found) -> Tree:
    metrics = [_metric(name, text) for name, text in (("cpu", options.cpu), ("memory", options.memory)) if text]
    if options.cpu_percent >= 0:
        metrics.append(_metric("cpu", f"{options.cpu_percent}%"))
    target = {"kind": found.resource.kind, "name": found.name, "apiVersion": found.resource.api_version}
    spec: Tree = {"scaleTargetRef": target}
    if options.min > 0:
        spec["minReplicas"] = options.min
    spec["maxReplicas"] = options.max
    if metrics:
        spec["metrics"] = metrics
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": options.name or found.name},
        "spec": spec,
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }


def _metric(name: str, text: str) -> Tree:
    """`60%` of what was asked for, or an amount for each pod."""
    if text.endswith("%") and text[:-1].isdecimal():
        target: Tree = {"type": "Utilization", "averageUtilization": int(text[:-1])}
    else:
        target = {"type": "AverageValue", "averageValue": text}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


SCALE = Command(
    name="scale",
    summary="Set how many pods a workload has",
    usage="[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)",
    examples=(("Three pods", "scale deployment web --replicas=3"),),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.RECORD,
        Flag("all", kind="bool", help="All objects of the type in the namespace"),
        Flag("current-replicas", kind="int", default=-1, help="Only if there are so many now"),
        Flag("replicas", kind="int", help="How many there shall be"),
        Flag("resource-version", help="Only if the object still has this version"),
        Flag("selector", "l", help="Only objects whose labels match"),
        Flag("timeout", kind="duration", help="How long to wait for the change"),
    ),
    run=run,
)
AUTOSCALE = Command(
    name="autoscale",
    summary="Let the number of pods follow their load",
    usage="(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] [--memory=MEMORY]",
    examples=(("Two to five pods", "autoscale deployment web --min=2 --max=5 --cpu=60%"),),
    flags=(
        *(flag for flag in CREATE_FLAGS if flag.name != "field-manager"),
        *manifest.FILE_FLAGS,
        writes.field_manager("kubectl-autoscale"),
        writes.RECORD,
        Flag("cpu", help="Target: a share (70%) or an amount (500m)"),
        Flag("cpu-percent", kind="int", default=-1, hidden=True),
        Flag("max", kind="int", default=-1, help="Upper limit"),
        Flag("memory", help="Target: a share or an amount"),
        Flag("min", kind="int", default=-1, help="Lower limit"),
        Flag("name", help="Name of the autoscaler; that of the workload if not given"),
    ),
    run=_run_autoscale,
)
