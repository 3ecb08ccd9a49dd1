"""Results in each media type; errors as Status bodies."""

from __future__ import annotations

import orjson
import pytest

from navarch.base.errors import bad_request, too_many_requests
from navarch.schema import protobuf
from navarch.schema.protobuf_types import message_type
from navarch.server.negotiate import JSON as J
from navarch.server.negotiate import PROTOBUF as P
from navarch.server.negotiate import YAML as Y
from navarch.server.negotiate import Format
from navarch.server.own_writes import API_SERVER
from navarch.server.respond import add_warnings, bytes_response, error_response
from navarch.wire.messages import Request, Response
from tests.server.peer import Peer


def test_errors_become_status_bodies_in_the_form_asked_for() -> None:
    assert orjson.loads(error_response(bad_request("no")).body) == bad_request("no").to_dict()
    assert error_response(bad_request("no"), Y).body.startswith(b"apiVersion: v1\ncode: 400\n")
    assert error_response(bad_request("no"), "text/html").content_type == J
    response = error_response(bad_request("no"), f"{P}, */*")
    status = message_type("v1", "Status")
    assert response.content_type == P and status is not None
    read = protobuf.decode(response.body, status)
    assert (read["kind"], read["status"], read["message"], read["code"]) == ("Status", "Failure", "no", 400)
    assert ("Retry-After", "7") in error_response(too_many_requests("slow", 7)).headers


def test_stored_bytes_pass_untouched_unless_something_else_is_asked_for() -> None:
    raw = b'{"b":1,"a":"x"}'
    assert bytes_response(raw).body is raw
    assert bytes_response(raw, Format(Y)).body == b"a: x\nb: 1\n"
    config_map = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}'
    assert bytes_response(config_map, Format(P)).body.startswith(b"k8s\x00")
    table = b'{"kind":"Table","apiVersion":"meta.k8s.io/v1"}'
    assert bytes_response(table, Format(P)).body is not None
    assert bytes_response(table, Format(P)).content_type == J, "what has no message stays JSON"


def test_warnings_are_headers_each_once() -> None:
    request, response = Request("GET", "/", warnings=['say "x"', 'say "x"']), Response()
    add_warnings(request, response)
    assert response.headers == [("Warning", '299 - "say \\"x\\""')]


@pytest.mark.parametrize(
    ("query", "agent", "pretty"),
    [
        ("", "kubectl/v1.33", False),
        ("", "curl/7.88", True),
        ("", "Mozilla/5.0 (X11)", True),
        ("", "Wget/1.21", True),
        ("pretty=true", "kubectl/v1.33", True),
        ("limit=1&pretty=1", "", True),
        ("pretty=false", "curl/7.88", False),
        ("pretty=perhaps", "curl/7.88", False),
    ],
)
def test_who_gets_indented_answers(peer: Peer, query: str, agent: str, pretty: bool) -> None:
    headers = {"user-agent": agent}
    for path in ("/api/v1/namespaces/default", "/api/v1/namespaces", "/apis", "/api/v1/namespaces/none"):
        request = Request("GET", path, query, dict(headers), user=API_SERVER)
        body = peer.loop.run_until_complete(peer.server.handle_as(request)).body
        assert body.startswith(b'{\n  "kind": ') == pretty
        assert not pretty or body.endswith(b"\n}")


def test_version_and_index_are_always_indented(peer: Peer) -> None:
    assert peer.send("GET", "/version").body.startswith(b'{\n  "major": "1",\n')
    assert peer.send("GET", "/").body.startswith(b'{\n  "paths": [\n    "/api",')


def test_warnings_of_any_script_go_out_as_utf_8() -> None:
    response = Response()
    add_warnings(Request("GET", "/", warnings=['unknown field "日本"']), response)
    ((_, value),) = response.headers
    assert value.encode("latin-1").decode() == '299 - "unknown field \\"日本\\""'
