"""Custom resources whose versions a webhook converts into one another.

Objects lie in the store in the version that was the storage version when they were last written, and are
shown in whichever version is asked for. A conversion takes a call over the network, while everything
that shows an object (lists, tables, watches) wants its bytes at once. So conversions are fetched ahead:
`ready` asks the webhook for all that is missing, `found` answers from what was fetched.

    await conversion.ready([entry.value for entry in entries], served)
    shown = [served.show(entry.value) for entry in entries]      # calls conversion.found

Made by definitions.py for definitions of the strategy Webhook, called wherever objects are read or written.

Source: apiextensions v1 (ConversionReview); texts of apiextensions-apiserver `conversion/webhook_converter.go`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import orjson

from navarch.api.validation.labels import label_errors
from navarch.api.validation.metadata import annotation_errors
from navarch.base.errors import StatusError
from navarch.base.field import FieldError
from navarch.schema import structural
from navarch.schema.types import Tree
from navarch.server.admission.webhook_call import CallError
from navarch.server.served import Served

TIMEOUT_S: Final = 30
#: Converted objects that are kept beside those that are wanted right now.
KEEP: Final = 2048
_VERSIONS: Final = ("v1", "v1beta1")

#: (client configuration, body, timeout in seconds) -> body of the answer. Raises: CallError.
Call = Callable[[Tree, bytes, int], Awaitable[bytes]]


class UnreadableError(ValueError):
    """An answer that is no conversion of what was asked for; the text says why."""


class Conversion:
    """The conversions of one definition's objects. `storage` is the storage version without conversion."""

    def __init__(self, webhook: Tree, storage: Served, call: Call, uid: Callable[[], str]) -> None:
        self._config: Tree = webhook["clientConfig"]
        accepted = webhook.get("conversionReviewVersions") or _VERSIONS
        self._review = f"apiextensions.k8s.io/{next(v for v in accepted if v in _VERSIONS)}"
        self._storage = storage
        self._call = call
        self._uid = uid
        self._known: dict[tuple[str, bytes], bytes] = {}

    def found(self, value: bytes, served: Served) -> bytes:
        """A stored document in the form of `served`, which `ready` has seen to.

        Raises: StatusError 500 for one that it has not.
        """
        if _is_of(value, served.api_version):
            return value
        try:
            return self._known[served.api_version, value]
        except KeyError:
            raise StatusError(500, "", f"conversion webhook for {_shown(orjson.loads(value))} was not asked") from None

    def has(self, value: bytes, served: Served) -> bool:
        """Whether `found` has an answer."""
        return _is_of(value, served.api_version) or (served.api_version, value) in self._known

    async def ready(self, values: Iterable[bytes], served: Served) -> None:
        """Fetch what is missing. Nothing is given up between this call's end and the next wait.

        Raises: StatusError 500.
        """
        wanted = served.api_version
        needed = [value for value in values if not _is_of(value, wanted)]
        while missing := [value for value in dict.fromkeys(needed) if (wanted, value) not in self._known]:
            converted = await self._convert([orjson.loads(value) for value in missing], wanted)
            self._forget()
            for value, tree in zip(missing, converted, strict=True):
                self._known[wanted, value] = orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)

    async def document(self, tree: Tree, served: Served) -> bytes:
        """The bytes to store of an object in the form of `served`. Raises: StatusError 500."""
        storage = self._storage
        if served.api_version == storage.api_version:
            return storage.document(tree)
        whole = {**tree, "apiVersion": served.api_version, "kind": served.kind.kind}
        (converted,) = await self._convert([whole], storage.api_version)
        structural.prune(storage.node, converted)
        return storage.document(converted)

    def _forget(self) -> None:
        for key in list(self._known)[: max(0, len(self._known) - KEEP)]:
            del self._known[key]

    async def _convert(self, trees: list[Tree], wanted: str) -> list[Tree]:
        uid = self._uid()
        body = orjson.dumps(review(self._review, uid, trees, wanted))
        try:
            answer = await self._call(self._config, body, TIMEOUT_S)
            converted = read_review(answer, self._review, uid)
        except (CallError, UnreadableError) as error:
            raise StatusError(500, "", f"conversion webhook for {_shown(trees[0])} failed: {error}") from None
        return accept(trees, converted, wanted)


def _is_of(value: bytes, api_version: str) -> bool:
    """Whether a document is of a version; both orders in which documents begin are known here."""
    version = b'"apiVersion":"%s"' % api_version.encode()
    return value.startswith(version, 1) or version in value[: value.find(b'"metadata"')]


def _shown(tree: Tree) -> str:
    return f"{tree.get('apiVersion', '')}, Kind={tree.get('kind', '')}"


# --- what is asked and answered


def review(api_version: str, uid: str, trees: list[Tree], wanted: str) -> Tree:
    """The question to the webhook."""
    request = {"uid": uid, "desiredAPIVersion": wanted, "objects": trees}
    return {"kind": "ConversionReview", "apiVersion": api_version, "request": request}


def read_review(body: bytes, api_version: str, uid: str) -> list[Any]:
    """The converted objects of an answer. Raises: UnreadableError."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableError(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableError("couldn't get version/kind; json parse error: the answer is no object")
    if (found.get("kind"), found.get("apiVersion")) != ("ConversionReview", api_version):
        wanted = f"{api_version}, Kind=ConversionReview"
        raise UnreadableError(f"expected webhook response of {wanted}, got {_shown(found)}")
    response = found.get("response")
    if not isinstance(response, dict):
        raise UnreadableError("no response provided")
    if response.get("uid") != uid:
        raise UnreadableError(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    result = response.get("result")
    if not isinstance(result, dict):
        result = {}
    if (status := result.get("status", "")) != "Success":
        raise UnreadableError(result.get("message") or f"response.result.status was '{status}', not 'Success'")
    converted = response.get("convertedObjects") or []
    if not isinstance(converted, list):
        raise UnreadableError("response.convertedObjects is no list")
    return converted


def accept(trees: list[Tree], converted: list[Any], wanted: str) -> list[Tree]:
    """The converted objects, each with the metadata of the one that it was made from.

    Raises: StatusError 500 unless they are those objects in the wanted version.
    """
    subject = f"conversion webhook for {_shown(trees[0])}"
    if len(converted) != len(trees):
        raise StatusError(500, "", f"{subject} returned {len(converted)} objects, expected {len(trees)}")
    for index, (before, after) in enumerate(zip(trees, converted, strict=True)):
        if not isinstance(after, dict):
            raise StatusError(500, "", f"{subject} returned invalid converted object at index {index}: no object")
        if why := _mistyped(before, after, wanted):
            raise StatusError(500, "", f"{subject} returned invalid converted object at index {index}: {why}")
        if why := _misnamed(before, after) or _restore(before, after):
            raise StatusError(500, "", f"{subject} returned invalid metadata in object at index {index}: {why}")
    return converted


def _mistyped(before: Tree, after: Tree, wanted: str) -> str:
    if after.get("apiVersion", "") != wanted:
        return f"invalid groupVersion (expected {wanted}, received {after.get('apiVersion', '')})"
    if after.get("kind", "") != before["kind"]:
        return f"invalid kind (expected {before['kind']}, received {after.get('kind', '')})"
    return ""


def _misnamed(before: Tree, after: Tree) -> str:
    if "metadata" not in after:
        return "missing metadata in converted object"
    metadata, old = after["metadata"], before["metadata"]
    if not isinstance(metadata, dict):
        return "invalid metadata in converted object"
    for field, word in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        if old.get(field, "") != (found := metadata.get(field, "")):
            return f"must have the same {word}: {old.get(field, '')} != {found}"
    return ""


def _restore(before: Tree, after: Tree) -> str:
    """Keep the metadata but for labels and annotations, in place; what is wrong with these."""
    metadata = dict(before["metadata"])
    errors: list[FieldError] = []
    for field, judge in (("labels", label_errors), ("annotations", annotation_errors)):
        value = after["metadata"].get(field)
        metadata.pop(field, None)
        if not value:
            continue
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            return f"metadata.{field}: values must be strings"
        metadata[field] = value
        errors += judge(value, f"metadata.{field}")
    after["metadata"] = metadata
    shown = [str(error) for error in errors]
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]" if shown else ""
