"""Accept headers and the forms they choose; errors as Status bodies."""

from __future__ import annotations

import orjson
import pytest

from navarch.base.errors import StatusError, bad_request, too_many_requests
from navarch.server.respond import (
    Format,
    add_warnings,
    bytes_response,
    error_response,
    negotiate,
    negotiate_discovery,
)
from navarch.wire.messages import Request, Response

J, Y = "application/json", "application/yaml"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format()),
        ("*/*", Format()),
        ("application/vnd.kubernetes.protobuf, */*", Format()),
        ("application/vnd.kubernetes.protobuf,application/json", Format()),
        (f"{J};q=0.1, {Y};q=0.9", Format(Y)),
        (f"{J};as=Table;v=v1;g=meta.k8s.io", Format(J, "Table", "v1")),
        (f"{J};as=Table;v=v9;g=meta.k8s.io,{J}", Format()),
        (f"{J};as=Table;v=v1beta1;g=meta.k8s.io", Format(J, "Table", "v1beta1")),
        (f"{J};as=PartialObjectMetadata;v=v1;g=meta.k8s.io", Format(J, "PartialObjectMetadata", "v1")),
        (f"{J};stream=watch", Format()),
    ],
)
def test_negotiate(accept: str, form: Format) -> None:
    assert negotiate(accept) == form


@pytest.mark.parametrize("accept", ["text/html", "bogus", "application/*", f"{J};as=Foo;v=v1;g=meta.k8s.io"])
def test_what_cannot_be_served_is_not_acceptable(accept: str) -> None:
    with pytest.raises(StatusError) as error:
        negotiate(accept)
    assert (error.value.code, error.value.reason) == (406, "NotAcceptable")


def test_discovery_prefers_the_first_version_it_knows() -> None:
    one = f"{J};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    two = f"{J};g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    assert negotiate_discovery(f"{one},{two},{J}").version == "v2"
    assert negotiate_discovery(f"{two},{J}").version == "v2beta1"
    assert negotiate_discovery(f"{one};profile=nopeer").as_ == "APIGroupDiscoveryList"
    assert negotiate_discovery(J) == Format()


def test_errors_become_status_bodies_in_the_form_asked_for() -> None:
    assert orjson.loads(error_response(bad_request("no")).body) == bad_request("no").to_dict()
    assert error_response(bad_request("no"), Y).body.startswith(b"apiVersion: v1\ncode: 400\n")
    assert error_response(bad_request("no"), "text/html").content_type == J
    assert ("Retry-After", "7") in error_response(too_many_requests("slow", 7)).headers


def test_stored_bytes_pass_untouched_unless_yaml_is_asked_for() -> None:
    raw = b'{"b":1,"a":"x"}'
    assert bytes_response(raw).body is raw
    assert bytes_response(raw, Format(Y)).body == b"a: x\nb: 1\n"


def test_warnings_are_headers_each_once() -> None:
    request, response = Request("GET", "/", warnings=['say "x"', 'say "x"']), Response()
    add_warnings(request, response)
    assert response.headers == [("Warning", '299 - "say \\"x\\""')]
