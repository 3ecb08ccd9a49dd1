"""Requests through the filters, compared with recorded impersonation; what ends every answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from navarch.base.errors import StatusError, bad_request
from navarch.seams.real import RealRng
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.static import StaticTokens
from navarch.server.authz.bootstrap_policy import bootstrap_objects
from navarch.server.authz.chain import Chain, superusers
from navarch.server.authz.node import NodeAuthorizer
from navarch.server.authz.node_graph import NodeGraph
from navarch.server.authz.rbac import Rbac
from navarch.server.filters import AFTER_AUTHENTICATION, Security, admit, finish, guard
from navarch.server.reviews import user_info
from navarch.wire.messages import Request, Response
from tests.server import recorded


def security() -> Security:
    rbac = Rbac()
    for tree in bootstrap_objects():
        rbac.put(tree["kind"], tree)
    chain = Chain((superusers, NodeAuthorizer(NodeGraph()), rbac.authorize))
    return Security(Authenticator(None, (StaticTokens(recorded.USERS),)), chain, RealRng())


def request_of(record: dict[str, Any]) -> Request:
    asked = record["request"]
    headers = {"Authorization": "Bearer peer-admin-token"} | asked.get("headers", {})
    lower = {k.lower(): v for k, v in headers.items() if v != "(none)"}
    path, _, query = asked["path"].partition("?")
    return Request(asked["method"], path, query, lower)


RECORDS = recorded.lines("authz", "impersonate") + [
    r for r in recorded.lines("authz", "forbidden") if r["response"]["status"] == 401
]


@recorded.needs_corpus
@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r["id"])
def test_recorded_impersonation_and_bad_tokens(record: dict[str, Any]) -> None:
    request, answer = request_of(record), record["response"]
    if answer["status"] < 300:
        admit(request, security())
        if "userInfo" in (answer["body"].get("status") or {}):
            assert user_info(request.user) == answer["body"]["status"]["userInfo"]
    else:
        with pytest.raises(StatusError) as error:
            admit(request, security())
        assert error.value.to_dict() == answer["body"]


def test_constrained_impersonation_allows_single_verbs() -> None:
    rbac = Rbac()
    rules = [
        {"verbs": ["impersonate-on:user-info:list"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["impersonate:user-info"], "apiGroups": ["authentication.k8s.io"], "resources": ["users"]},
        {"verbs": ["list", "get"], "apiGroups": [""], "resources": ["pods"]},
    ]
    rbac.put("ClusterRole", {"metadata": {"name": "r"}, "rules": rules})
    subjects = [{"kind": "User", "name": "alice"}, {"kind": "User", "name": "bob"}]
    rbac.put(
        "ClusterRoleBinding",
        {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": subjects},
    )
    guarded = Security(Authenticator(None, (StaticTokens(recorded.USERS),)), rbac.authorize, RealRng())
    headers = {"authorization": "Bearer alice-token", "impersonate-user": "bob"}
    request = Request("GET", "/api/v1/pods", headers=headers)
    admit(request, guarded)
    assert request.user.name == "bob"
    with pytest.raises(StatusError, match="impersonate-on:user-info:get"):
        admit(Request("GET", "/api/v1/namespaces/n/pods/p", headers=headers), guarded)


def test_every_answer_has_its_headers_and_handlers_may_set_cache_control() -> None:
    request = Request("GET", "/x", headers={"audit-id": "abc"}, warnings=["w"])
    with pytest.raises(StatusError):
        admit(request, security(), AFTER_AUTHENTICATION)
    response = Response()
    finish(request, response, ("fs", "pl"))
    assert response.headers == [
        ("Audit-Id", "abc"),
        ("Cache-Control", "no-cache, private"),
        ("X-Kubernetes-Pf-Flowschema-Uid", "fs"),
        ("X-Kubernetes-Pf-Prioritylevel-Uid", "pl"),
        ("Warning", '299 - "w"'),
    ]
    public = Response(headers=[("Cache-Control", "public")])
    finish(request, public)
    assert [v for k, v in public.headers if k == "Cache-Control"] == ["public"]


def test_the_guard_hides_bugs_and_shows_status_errors() -> None:
    request = Request("GET", "/", audit_id="abc")
    assert guard(request, bad_request("no")).status == 400
    answer = guard(request, ValueError("secret"))
    assert answer.status == 500 and b"secret" not in answer.body
    assert orjson.loads(answer.body)["message"] == "Internal error occurred: ValueError (audit id abc)"
