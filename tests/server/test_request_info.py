"""Paths and what they ask for."""

from __future__ import annotations

import pytest

from navarch.server.request_info import exact_match, request_info
from navarch.wire.messages import RequestInfo as Info

CASES = [
    ("GET", "/", "", Info("get", False)),
    ("POST", "/healthz/x", "", Info("post", False)),
    ("GET", "/api", "", Info("get", False)),
    ("GET", "/api/v1", "", Info("get", False)),
    ("GET", "/api/v1/", "", Info("get", False)),
    ("GET", "/apis/apps", "", Info("get", False)),
    ("GET", "/apis/apps/v1", "", Info("get", False)),
    ("GET", "/api/v1/pods", "", Info("list", True, "", "v1", "pods")),
    ("GET", "/api/v1/pods", "watch=true", Info("watch", True, "", "v1", "pods")),
    ("GET", "/api/v1/pods", "watch=False&limit=3", Info("list", True, "", "v1", "pods")),
    ("GET", "/api/v1/pods", "watch", Info("watch", True, "", "v1", "pods")),
    ("HEAD", "/api/v1/namespaces/a/pods/b", "", Info("get", True, "", "v1", "pods", "", "a", "b")),
    ("DELETE", "/api/v1/namespaces/a/pods", "", Info("deletecollection", True, "", "v1", "pods", "", "a")),
    ("DELETE", "/api/v1/namespaces/a", "", Info("delete", True, "", "v1", "namespaces", "", "a", "a")),
    ("PUT", "/api/v1/namespaces/a/finalize", "", Info("update", True, "", "v1", "namespaces", "finalize", "a", "a")),
    ("PATCH", "/api/v1/namespaces/a/status", "", Info("patch", True, "", "v1", "namespaces", "status", "a", "a")),
    ("GET", "/api/v1/namespaces", "", Info("list", True, "", "v1", "namespaces")),
    ("POST", "/apis/apps/v1/namespaces/a/deployments", "", Info("create", True, "apps", "v1", "deployments", "", "a")),
    ("GET", "/api/v1/namespaces/a/pods/b/log", "x=1", Info("get", True, "", "v1", "pods", "log", "a", "b")),
    ("GET", "/api/v1/nodes/n/proxy/", "", Info("get", True, "", "v1", "nodes", "proxy", "", "n", "/")),
    ("GET", "/api/v1/nodes/n/proxy", "", Info("get", True, "", "v1", "nodes", "proxy", "", "n", "")),
    ("GET", "/api/v1/nodes/n/proxy/a/b/", "", Info("get", True, "", "v1", "nodes", "proxy", "", "n", "/a/b/")),
    ("GET", "/api/v1/watch/namespaces/a/pods", "", Info("watch", True, "", "v1", "pods", "", "a")),
    ("GET", "/api/v1/watch/namespaces/a/pods/b", "", Info("watch", True, "", "v1", "pods", "", "a", "b")),
    ("GET", "/apis/apps/v1/watch/deployments", "", Info("watch", True, "apps", "v1", "deployments")),
    (
        "GET",
        "/api/v1/namespaces/a/pods",
        "fieldSelector=metadata.name%3Db&watch=1",
        Info("watch", True, "", "v1", "pods", "", "a", "b"),
    ),
    (
        "GET",
        "/api/v1/namespaces/a/pods",
        "fieldSelector=metadata.name%3D..",
        Info("list", True, "", "v1", "pods", "", "a"),
    ),
]


@pytest.mark.parametrize(("method", "path", "query", "info"), CASES)
def test_request_info(method: str, path: str, query: str, info: Info) -> None:
    assert request_info(method, path, query) == info


def test_exact_match_reads_only_equality() -> None:
    selector = "spec.nodeName==n1,metadata.name!=b, status.phase=Running"
    assert exact_match(selector, "spec.nodeName") == "n1"
    assert exact_match(selector, "metadata.name") == ""
    assert exact_match(selector, "status.phase") == "Running"
