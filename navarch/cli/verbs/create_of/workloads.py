"""`kubectl create deployment`, `job` and `cronjob`."""

from __future__ import annotations

from typing import Any

from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import CREATE_FLAGS, command, make, one_name
from navarch.cli.output import printer
from navarch.cli.session import Session
from navarch.schema.types import Tree

_IMAGE = Flag("image", help="Image to run")


def deployment(name: str, options: Options, words: Words) -> Tree:
    arguments = words.after_dash()
    if not options.image:
        raise CliError('required flag(s) "image" not set')
    if len(options.image) > 1 and arguments:
        raise CliError("cannot specify multiple --image options and command")
    labels = {"app": name}
    containers = [_container(_base_name(image), image) for image in options.image]
    for container in containers:
        if arguments:
            container["command"] = arguments
        if options.port > 0:
            container["ports"] = [{"containerPort": options.port}]
        container["resources"] = {}
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": options.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            "strategy": {},
        },
        "status": {},
    }


def _container(name: str, image: str) -> Tree:
    return {"name": name, "image": image}


def _base_name(image: str) -> str:
    """The last part of the image's path, without tag."""
    name = image.rpartition("/")[2]
    return name.partition("@")[0].partition(":")[0].replace("_", "-")


def _pod_template(name: str, image: str, arguments: list[str], restart: str) -> Tree:
    container = _container(name, image)
    if arguments:
        container["command"] = arguments
    container["resources"] = {}
    return {"metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}}


def _job_tree(name: str, spec: Tree) -> Tree:
    return {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": name}, "spec": spec, "status": {}}


def _run_job(session: Session, options: Options, words: Words) -> int:
    name = one_name(words)
    if bool(options.image) == bool(options.__dict__.get("from", "")):
        raise UsageError("either --image or --from must be specified")
    source: str = options.__dict__["from"]
    if source:
        if words.after_dash():
            raise UsageError("cannot specify --from and command")
        tree = _job_of_cronjob(session, name, source)
    else:
        tree = _job_tree(name, {"template": _pod_template(name, options.image, words.after_dash(), "Never")})
    reporter = printer.Reporter(session, options, sort=False)
    make(session, options, tree, reporter, failure="failed to create job")
    return 0


def _job_of_cronjob(session: Session, name: str, source: str) -> Tree:
    """The job that a cron job would start now."""
    word, _, of = source.partition("/")
    resource = session.resources.find(word)
    cron = session.client.get(resource.path(session.namespace, of)).tree()
    if resource.kind != "CronJob":
        raise CliError("from must be an existing cronjob")
    template: dict[str, Any] = cron["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    tree = _job_tree(name, template["spec"])
    annotations = {"cronjob.kubernetes.io/instantiate": "manual", **(metadata.get("annotations") or {})}
    tree["metadata"]["annotations"] = annotations
    if metadata.get("labels"):
        tree["metadata"]["labels"] = metadata["labels"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": of, "uid": cron["metadata"]["uid"]}
    tree["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    return tree


def cronjob(name: str, options: Options, words: Words) -> Tree:
    if not options.image:
        raise CliError(
            'required flag(s) "image", "schedule" not set'
            if not options.schedule
            else 'required flag(s) "image" not set'
        )
    if not options.schedule:
        raise CliError('required flag(s) "schedule" not set')
    template = _pod_template(name, options.image, words.after_dash(), options.restart or "OnFailure")
    return {
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": {"name": name},
        "spec": {
            "schedule": options.schedule,
            "jobTemplate": {"metadata": {"name": name}, "spec": {"template": template}},
        },
        "status": {},
    }


DEPLOYMENT = command(
    "deployment",
    "Create a deployment",
    deployment,
    (
        Flag("image", kind="list", help="Image to run; may be given several times"),
        Flag("port", kind="int", default=-1, help="Port that the container serves"),
        Flag("replicas", "r", kind="int", default=1, help="How many pods"),
    ),
    failure="failed to create deployment",
    aliases=("deploy",),
    usage="NAME --image=image -- [COMMAND] [args...]",
    example="create deployment web --image=nginx --replicas=3 --port=80",
)
JOB = Command(
    name="job",
    summary="Create a job",
    flags=(*CREATE_FLAGS, _IMAGE, Flag("from", help="Cron job to start now, as cronjob/NAME")),
    run=_run_job,
    usage="NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
    examples=(("Run a command", "create job once --image=busybox -- date"),),
)
CRONJOB = command(
    "cronjob",
    "Create a cron job",
    cronjob,
    (
        _IMAGE,
        Flag("restart", help="Restart policy: OnFailure or Never"),
        Flag("schedule", help="When, in cron's form: minute hour day month weekday"),
    ),
    failure="failed to create cronjob",
    aliases=("cj",),
    usage="NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [flags]",
    example='create cronjob hourly --image=busybox --schedule="0 * * * *" -- date',
)
