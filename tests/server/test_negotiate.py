"""Accept headers and the forms they choose."""

from __future__ import annotations

import pytest

from navarch.base.errors import StatusError
from navarch.server.negotiate import JSON as J
from navarch.server.negotiate import PROTOBUF as P
from navarch.server.negotiate import YAML as Y
from navarch.server.negotiate import (
    Format,
    check_stream,
    negotiate,
    negotiate_discovery,
    negotiate_error,
)

PARTIAL = "as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
TABLE = "as=Table;v=v1;g=meta.k8s.io"
ACCEPTED = f"only the following media types are accepted: {J}, {Y}, {P}"


@pytest.mark.parametrize(
    ("accept", "form", "custom"),
    [
        ("", Format(), Format()),
        ("*/*", Format(), Format()),
        (P, Format(P), ACCEPTED),
        (f"{P}, */*", Format(P), Format()),
        (f"{P},{J}", Format(P), Format()),
        (f"{J},{P}", Format(), Format()),
        (f"{J};q=0.5,{P}", Format(P), Format()),
        (f"*/*,{P};q=0.1", Format(P), Format()),
        (f"application/*,{Y};q=0.1", Format(Y), Format(Y)),
        (f"{J};q=0.1, {Y};q=0.9", Format(Y), Format(Y)),
        (f"{J};q=nan-sense", Format(), Format()),
        (f"{P};stream=watch", Format(P), ACCEPTED),
        (f"{P};stream=other,{Y}", Format(Y), Format(Y)),
        (f"{Y};stream=watch,{J}", Format(), Format()),
        (f"{J};stream=watch", Format(), Format()),
        (f"{J};{TABLE}", Format(J, "Table", "v1"), Format(J, "Table", "v1")),
        (f"{Y};{TABLE}", Format(Y, "Table", "v1"), Format(Y, "Table", "v1")),
        (f"{P};{TABLE}", ACCEPTED, ACCEPTED),
        (f"{P};{TABLE},{J};{TABLE},{J}", Format(J, "Table", "v1"), Format(J, "Table", "v1")),
        (f"{J};as=Table;v=v9;g=meta.k8s.io,{J}", Format(), Format()),
        (f"{J};as=Table;v=v1beta1;g=meta.k8s.io", Format(J, "Table", "v1beta1"), Format(J, "Table", "v1beta1")),
        (f"{J};{PARTIAL}", Format(J, "PartialObjectMetadata", "v1"), Format(J, "PartialObjectMetadata", "v1")),
        (f"{P};{PARTIAL},{J}", Format(P, "PartialObjectMetadata", "v1"), Format(P, "PartialObjectMetadata", "v1")),
        (f"{J};as=Foo;v=v1;g=meta.k8s.io", ACCEPTED, ACCEPTED),
        (f"{J};g=other", ACCEPTED, ACCEPTED),
        (f"{J};pretty=1;charset=utf-8", Format(), Format()),
    ],
)
def test_negotiate(accept: str, form: Format | str, custom: Format | str) -> None:
    for expected, options in ((form, {}), (custom, {"custom": True})):
        if isinstance(expected, Format):
            assert negotiate(accept, **options) == expected
        else:
            with pytest.raises(StatusError) as error:
                negotiate(accept, **options)
            assert (error.value.code, error.value.reason, error.value.message) == (406, "NotAcceptable", expected)


@pytest.mark.parametrize("accept", ["text/html", "bogus", "application/*", "application/cbor"])
def test_media_types_that_nobody_serves(accept: str) -> None:
    for streams, listed in ((False, f"{J}, {Y}, {P}"), (True, f"{J}, {Y}, {P}, {J};stream=watch, {P};stream=watch")):
        with pytest.raises(StatusError) as error:
            negotiate(accept, streams=streams)
        assert error.value.message == f"406: Not Acceptable\n\nAvailable representations: {listed}"


def test_yaml_has_no_stream() -> None:
    check_stream(Format(P))
    with pytest.raises(StatusError) as error:
        check_stream(Format(Y))
    assert error.value.message == f"only the following media types are accepted: {J};stream=watch, {P};stream=watch"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("text/html", J), (f"{P};{PARTIAL}", J), (f"{P};{PARTIAL},{Y}", Y), (f"{P};stream=watch", P), (f"{P},{J}", P)],
)
def test_errors_are_never_transformed(accept: str, media_type: str) -> None:
    assert negotiate_error(accept) == Format(media_type)


def test_discovery_prefers_the_first_version_it_knows() -> None:
    one = f"{J};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    two = f"{J};g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    assert negotiate_discovery(f"{one},{two},{J}").version == "v2"
    assert negotiate_discovery(f"{two},{J}").version == "v2beta1"
    assert negotiate_discovery(f"{one};profile=nopeer").as_ == "APIGroupDiscoveryList"
    assert negotiate_discovery(J) == Format()
    assert negotiate_discovery(f"{P},{J}") == Format(P)
