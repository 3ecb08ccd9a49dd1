"""`kubectl create token`: a token of a service account."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import one_name
from navarch.cli.output import printer
from navarch.cli.session import Session
from navarch.schema.types import Tree

_BINDABLE = {"Pod": "v1", "Secret": "v1", "Node": "v1"}


def run(session: Session, options: Options, words: Words) -> int:
    name = one_name(words)
    spec: Tree = {"audiences": options.audience or None}
    if options.duration:
        if options.duration < 0:
            raise CliError("--duration must be greater than or equal to 0")
        spec["expirationSeconds"] = int(options.duration)
    if options.bound_object_kind:
        if options.bound_object_kind not in _BINDABLE:
            kinds = ", ".join(sorted(_BINDABLE))
            raise CliError(f'supported --bound-object-kind values are {kinds}, got "{options.bound_object_kind}"')
        if not options.bound_object_name:
            raise CliError("--bound-object-name is required if --bound-object-kind is provided")
        spec["boundObjectRef"] = {
            "kind": options.bound_object_kind,
            "apiVersion": _BINDABLE[options.bound_object_kind],
            "name": options.bound_object_name,
            **({"uid": options.bound_object_uid} if options.bound_object_uid else {}),
        }
    elif options.bound_object_name or options.bound_object_uid:
        flag = "name" if options.bound_object_name else "uid"
        raise CliError(f"--bound-object-{flag} can only be set if --bound-object-kind is provided")
    tree = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": spec}
    path = session.resources.find("serviceaccounts").path(session.namespace, name, "token")
    try:
        answer = session.client.request("POST", path, (), tree).tree()
    except ApiError as error:
        raise CliError(f"failed to create token: {error.message}") from error
    show = printer.make(session, options, sort=False)
    session.say(answer["status"]["token"]) if show is None else session.write(show(answer))
    return 0


TOKEN = Command(
    name="token",
    summary="Ask for a token of a service account",
    flags=(
        *printer.PRINT_FLAGS,
        Flag("audience", kind="array", help="Who will check the token"),
        Flag("bound-object-kind", help="The token ends with this object: Pod, Secret or Node"),
        Flag("bound-object-name", help="Name of that object"),
        Flag("bound-object-uid", help="UID of that object"),
        Flag("duration", kind="duration", help="How long the token shall be valid"),
    ),
    run=run,
    usage="SERVICE_ACCOUNT_NAME",
    examples=(("A token for ten minutes", "create token robot --duration 10m"),),
)
