"""MutatingAdmissionWebhook and ValidatingAdmissionWebhook: others change and refuse objects.

Mutating webhooks are called one after the other, each with what the one before made; when they changed
something, the chain runs once more, and with it those webhooks that ask for it (`reinvocationPolicy`).
Validating ones are called at the same time.

Source: dynamic admission control; texts of apiserver `admission/plugin/webhook`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

import orjson

from navarch.base.errors import StatusError, bad_request, internal_error
from navarch.base.patch import json_patch
from navarch.schema.cel import CelError
from navarch.schema.types import Tree
from navarch.server import bodies
from navarch.server.admission.contract import CONNECT, CREATE, DELETE, UPDATE, Attributes, Plugin, World
from navarch.server.admission.policy import Scope
from navarch.server.admission.versions import converted, seen_as
from navarch.server.admission.webhook_call import CallError, call
from navarch.server.admission.webhook_match import MUTATING, VALIDATING, Webhook, concerned
from navarch.server.admission.webhook_review import (
    Answer,
    InvalidAnswerError,
    denial,
    question,
    read_answer,
    whole,
)

log = logging.getLogger(__name__)

_TIMEOUT_S = 10


def mutate(attributes: Attributes, world: World) -> Awaitable[None] | None:
    """Raises: StatusError of the webhook that refuses, 500 for one that fails and must not."""
    webhooks = concerned(attributes, world, MUTATING)
    return _mutate_all(attributes, world, webhooks) if webhooks else None


def validate(attributes: Attributes, world: World) -> Awaitable[None] | None:
    """Raises: StatusError of the first webhook that refuses, 500 for one that fails and must not."""
    webhooks = concerned(attributes, world, VALIDATING)
    return _validate_all(attributes, world, webhooks) if webhooks else None


def refuse(attributes: Attributes, world: World) -> Awaitable[None] | None:
    """Mutating webhooks see deletions and connections too, where there is nothing to change."""
    webhooks = concerned(attributes, world, MUTATING)
    return _ask_in_turn(attributes, world, webhooks) if webhooks else None


async def _mutate_all(attributes: Attributes, world: World, webhooks: list[Webhook]) -> None:
    before = orjson.dumps(attributes.obj)
    for index, webhook in enumerate(webhooks):
        seen = attributes.seen.get(webhook.key)
        if attributes.reinvoked and (not webhook.again_if_needed or seen == orjson.dumps(attributes.obj)):
            continue
        await _mutate(attributes, world, webhook, index)
        attributes.seen[webhook.key] = orjson.dumps(attributes.obj)
    attributes.changed |= orjson.dumps(attributes.obj) != before


async def _ask_in_turn(attributes: Attributes, world: World, webhooks: list[Webhook]) -> None:
    for webhook in webhooks:
        await _ask(await seen_as(attributes, webhook.served), world, webhook)


async def _validate_all(attributes: Attributes, world: World, webhooks: list[Webhook]) -> None:
    answers = [_ask(await seen_as(attributes, webhook.served), world, webhook) for webhook in webhooks]
    for outcome in await asyncio.gather(*answers, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _mutate(attributes: Attributes, world: World, webhook: Webhook, index: int) -> None:
    view = await seen_as(attributes, webhook.served)
    answer = await _ask(view, world, webhook)
    if answer is None:
        return
    tree, before = attributes.tree, orjson.dumps(attributes.obj)
    if answer.patch is not None:
        try:
            changed: Tree = json_patch(whole(view, _copy(view.tree)), answer.patch)
            bodies.settle_stored(view.form, changed)
        except (StatusError, ValueError) as error:
            raise internal_error(str(error)) from None
        if view.form is not attributes.form:
            changed = await converted(changed, view.served, attributes.served)
        bodies.apply_all_defaults(attributes.form, changed)
        tree.clear()
        tree.update(changed)
    mutated = orjson.dumps(tree) != before
    _annotate(attributes, webhook, index, answer.patch if mutated else None, mutated=mutated)


def _annotate(attributes: Attributes, webhook: Webhook, index: int, patch: list[Any] | None, *, mutated: bool) -> None:
    """What the audit log says of a mutating webhook that was asked."""
    if attributes.annotations is None:
        return
    key = f"round_{int(attributes.reinvoked)}_index_{index}"
    about: Tree = {"configuration": webhook.configuration, "webhook": webhook.name}
    attributes.annotate(f"mutation.webhook.admission.k8s.io/{key}", _text({**about, "mutated": mutated}))
    if patch is not None:
        patched = {**about, "patch": patch, "patchType": "JSONPatch"}
        attributes.annotate(f"patch.webhook.admission.k8s.io/{key}", _text(patched))


def _text(tree: Tree) -> str:
    return orjson.dumps(tree).decode()


async def _ask(attributes: Attributes, world: World, webhook: Webhook) -> Answer | None:
    """The answer of a webhook that allows the request; None from one that failed and may, or that does not
    want the request after all. `attributes` are in the version that it wants.

    Raises: StatusError.
    """
    if not _meets_conditions(attributes, world, webhook):
        return None
    if attributes.dry_run and webhook.has_side_effects:
        raise bad_request(f'admission webhook "{webhook.name}" does not support dry run')
    uid = world.uuid()
    timeout_s = webhook.tree.get("timeoutSeconds") or _TIMEOUT_S
    try:
        body = await call(webhook.tree["clientConfig"], question(attributes, uid), timeout_s, world)
        answer = read_answer(body, uid)
    except (CallError, InvalidAnswerError) as error:
        text = f'failed calling webhook "{webhook.name}": {_shown(error)}'
        if webhook.must_succeed:
            raise internal_error(text) from None
        log.warning("webhook=%s ignored=true error=%s", webhook.name, error)
        return None
    attributes.warnings.extend(answer.warnings)
    for key, value in answer.annotations.items():
        attributes.annotate(f"{webhook.name}/{key}", value)
    if not answer.allowed:
        raise denial(webhook.name, answer.status)
    return answer


def _meets_conditions(attributes: Attributes, world: World, webhook: Webhook) -> bool:
    """Whether the webhook's own expressions want the request. Raises: StatusError 403 if they fail and must not."""
    conditions = webhook.tree.get("matchConditions")
    if not conditions:
        return True
    try:
        return Scope(attributes, world).holds(conditions)
    except CelError as error:
        if webhook.must_succeed:
            raise attributes.forbidden(str(error)) from None
        return False


def _shown(error: Exception) -> str:
    return f"failed to call webhook: {error}" if isinstance(error, CallError) else str(error)


def _copy(tree: Tree) -> Tree:
    copied: Tree = orjson.loads(orjson.dumps(tree))
    return copied


MUTATING_WEBHOOK = Plugin("MutatingAdmissionWebhook", (CREATE, UPDATE), subresources=("*",), admit=mutate)
MUTATING_WEBHOOK_ASKED = Plugin("MutatingAdmissionWebhook", (DELETE, CONNECT), subresources=("*",), validate=refuse)
VALIDATING_WEBHOOK = Plugin(
    "ValidatingAdmissionWebhook", (CREATE, UPDATE, DELETE, CONNECT), subresources=("*",), validate=validate
)
