"""The end of every request: errors become answers, and answers get the headers all of them have."""

from __future__ import annotations

import logging

import orjson

from navarch.base.errors import StatusError, bad_request, internal_error
from navarch.server.respond import add_warnings, error_response, indent
from navarch.store.contract import StoreError, ValueTooLarge
from navarch.wire.messages import Request, Response

log = logging.getLogger(__name__)


def guard(request: Request, error: Exception) -> Response:
    """The answer for whatever a filter or handler raised. A bug is logged and answered with 500."""
    response = _answer_to(request, error)
    indent(request, response)
    return response


def _answer_to(request: Request, error: Exception) -> Response:
    accept = request.headers.get("accept", "")
    if isinstance(error, StatusError):
        return error_response(error, accept)
    if isinstance(error, StoreError):
        return error_response(_store_failed(error), accept)
    if isinstance(error, RecursionError) or _too_deep_to_print(error):
        return error_response(bad_request("the object exceeded max depth"), accept)
    log.error("audit=%s method=%s path=%s: a bug", request.audit_id, request.method, request.path, exc_info=error)
    return error_response(internal_error(f"{type(error).__name__} (audit id {request.audit_id})"), accept)


def _too_deep_to_print(error: Exception) -> bool:
    """What a patch piled up, level on level."""
    return isinstance(error, orjson.JSONEncodeError) and "ecursion" in str(error)


def _store_failed(error: StoreError) -> StatusError:
    """What a store that refuses a write means to the client. Reads never get here."""
    if isinstance(error, ValueTooLarge):
        # Clients know the words, which are etcd's, and the reason, which Kubernetes itself leaves empty.
        return StatusError(413, "RequestEntityTooLarge", "etcdserver: request is too large")
    return StatusError(503, "ServiceUnavailable", str(error), headers=(("Retry-After", "1"),))


def finish(request: Request, response: Response, priority_uids: tuple[str, str] = ("", "")) -> None:
    """Add Audit-Id, Cache-Control unless the handler set it, priority and warning headers. `priority_uids` are
    those of the FlowSchema and of the PriorityLevelConfiguration, empty where there are none."""
    headers = response.headers
    headers.append(("Audit-Id", request.audit_id))
    if not headers[:-1] or not any(name == "Cache-Control" for name, _ in headers):
        headers.append(("Cache-Control", "no-cache, private"))
    flow_schema, priority_level = priority_uids
    if flow_schema:
        headers.append(("X-Kubernetes-Pf-Flowschema-Uid", flow_schema))
        headers.append(("X-Kubernetes-Pf-Prioritylevel-Uid", priority_level))
    if request.warnings:
        add_warnings(request, response)
